/* conv.inc.h -- convolution of images: the ordered list of its implementations (conv.def), and the three kernels. */
#include "call.inc.h"
#include "implicit_gemm.inc.h"
#include "implicit_gemm_input.inc.h"
#include "implicit_gemm_weight.inc.h"
#include "depthwise.inc.h"
#include "pointwise.inc.h"
#include "kn2row.inc.h"
#include "winograd.inc.h"
#include "winograd_weight.inc.h"
#include "direct_batch.inc.h"
#include "direct_width.inc.h"
#include "direct.inc.h"
#include "im2col.inc.h"

static const conv_function conv_implementations[][CONV_PASSES] = {
#define CONV_IMPLEMENTATION(name, forward, input, weight) {forward, input, weight},
#include "conv.def"
#undef CONV_IMPLEMENTATION
};

static void conv_choose(int pass, const conv_call *call)
{
    conv_function run;
    for (int i = 0;; i++)
        if ((run = conv_implementations[i][pass]) && run(call) == CONV_DONE)
            return;
}

static int conv_do(int pass, conv_call *call)
{
    if (fnn_conv_forced >= 0) {
        const conv_function run = conv_implementations[fnn_conv_forced][pass];
        call->forced = 1;
        const conv_outcome outcome = run ? run(call) : CONV_DECLINED;
        if (outcome == CONV_DECLINED)
            return FNN_NO_IMPLEMENTATION;
        if (outcome == CONV_DONE)
            return fnn_status();
        call->forced = 0;
    }
    conv_choose(pass, call);
    return fnn_status();
}

static int conv_forward(void *y, const void *x, const void *weight, const void *bias, const fnn_conv *s,
                        const int64_t *xs, int relu)
{
    conv_call call = {.s = s, .x = x, .weight = weight, .bias = bias, .out = y, .xs = xs, .relu = relu};
    return s->n * s->o * s->oh * s->ow > 0 ? conv_do(CONV_FORWARD, &call) : 0;
}

static int conv_backward_input(void *dx, const void *dy, const void *weight, const void *bias, const fnn_conv *s,
                               const int64_t *dys, int relu)
{
    conv_call call = {.s = s, .dy = dy, .weight = weight, .bias = bias, .out = dx, .dys = dys, .relu = relu};
    return s->n * s->c * s->h * s->w > 0 ? conv_do(CONV_INPUT, &call) : 0;
}

static int conv_backward_weight(void *dw, const void *dy, const void *x, const fnn_conv *s, const int64_t *dys,
                                const int64_t *xs)
{
    conv_call call = {.s = s, .x = x, .dy = dy, .out = dw, .xs = xs, .dys = dys};
    const int64_t size = s->o * (s->c / s->groups) * s->kh * s->kw;
    if (s->n * s->oh * s->ow > 0 && size > 0)
        return conv_do(CONV_WEIGHT, &call);
    if (size > 0)
        memset(dw, 0, (size_t)size * sizeof(REAL));
    return 0;
}
