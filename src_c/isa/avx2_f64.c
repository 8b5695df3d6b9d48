#define FNN_ISA avx2
#define REAL_IS_F32 0
#include "../unit.inc.h"
