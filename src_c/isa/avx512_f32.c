#define FNN_ISA avx512
#define REAL_IS_F32 1
#include "../unit.inc.h"
