#define FNN_ISA baseline
#define REAL_IS_F32 0
#include "../unit.inc.h"
