#define FNN_ISA avx512
#include "../variant.inc.h"
