#define FNN_ISA avx2
#include "../variant.inc.h"
