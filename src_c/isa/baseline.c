#define FNN_ISA baseline
#include "../variant.inc.h"
