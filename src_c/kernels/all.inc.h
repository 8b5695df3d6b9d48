/* all.inc.h -- every family of kernels, for one REAL and one instruction set. Order matters only where a
 * family uses another's helpers. */
#include "math.inc.h"
#include "simd.inc.h"
#include "elementwise.inc.h"
#include "binary.inc.h"
#include "loss.inc.h"
#include "cross_entropy.inc.h"
#include "reduce.inc.h"
#include "softmax.inc.h"
#include "dropout.inc.h"
#include "optim.inc.h"
#include "gemm.inc.h"
#include "linear.inc.h"
