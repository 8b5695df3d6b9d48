#define FNN_ISA avx512
#define REAL_IS_F32 0
#include "../unit.inc.h"
