#define FNN_ISA baseline
#define REAL_IS_F32 1
#include "../unit.inc.h"
