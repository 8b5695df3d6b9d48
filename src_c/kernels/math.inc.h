/* math.inc.h -- exp and friends as branch-free expressions that the compiler turns into vector code.
 *
 * Every function takes one number; a loop around it vectorises with gcc and clang at -O3 because nothing
 * here branches, calls or sets errno. Right at +-0, +-inf, NaN and where results overflow; subnormal
 * arguments and results are right too unless the thread flushes them (parallel.h), then they count as 0.
 * Coefficients are minimax fits (Remez, relative error) made for this file.
 *
 * Largest error seen, in units of the last place, over 2e5 to 4e5 random arguments (1e4 for erf and gelu),
 * all variants, against extended or 40-digit arithmetic:
 *
 *          float double          float double             float double            float double
 *   exp     0.99   1.00   log     0.82   1.11   sigmoid    2.05   2.18   erf        2.37   2.23
 *   exp2    1.02   1.08   log2    1.64   1.52   tanh       2.49   2.48   softplus   2.43   2.29
 *   expm1   1.54   2.21   log10   1.86   1.69   silu       2.93   2.73   logsigmoid 2.32   2.34
 *   sin     1.54   1.44   log1p   1.43   1.44   cos        1.49   1.47   gelu       5.67   7.13
 *   tan     3.23   3.19
 *
 * gelu down to x = -12.5; in float its tail is flushed to 0 once the normal probability is subnormal.
 */

/* Loops over arrays that are either disjoint or the very same: no run-time overlap check needed. */
#if defined(__clang__)
#define FNN_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define FNN_INDEPENDENT _Pragma("GCC ivdep")
#else
#define FNN_INDEPENDENT
#endif
#define PICK(single, full) ((REAL)(REAL_IS_F32 ? (single) : (full)))
/* a + z*b + z*z*c + ..., innermost first. */
#define POLY2(z, a, b) ((a) + (z) * (b))
#define POLY3(z, a, ...) ((a) + (z) * POLY2(z, __VA_ARGS__))
#define POLY4(z, a, ...) ((a) + (z) * POLY3(z, __VA_ARGS__))
#define POLY5(z, a, ...) ((a) + (z) * POLY4(z, __VA_ARGS__))
#define POLY6(z, a, ...) ((a) + (z) * POLY5(z, __VA_ARGS__))
#define POLY7(z, a, ...) ((a) + (z) * POLY6(z, __VA_ARGS__))
#define POLY8(z, a, ...) ((a) + (z) * POLY7(z, __VA_ARGS__))
#define POLY9(z, a, ...) ((a) + (z) * POLY8(z, __VA_ARGS__))
#define POLY10(z, a, ...) ((a) + (z) * POLY9(z, __VA_ARGS__))
#define POLY11(z, a, ...) ((a) + (z) * POLY10(z, __VA_ARGS__))
#define POLY12(z, a, ...) ((a) + (z) * POLY11(z, __VA_ARGS__))

#if REAL_IS_F32
#define LIBM(name) name##f
typedef uint32_t real_bits;
#else
#define LIBM(name) name
typedef uint64_t real_bits;
#endif

enum { MANTISSA_BITS = REAL_IS_F32 ? 23 : 52, EXPONENT_BIAS = REAL_IS_F32 ? 127 : 1023 };

static inline real_bits bits_of(REAL x)
{
    real_bits u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static inline REAL from_bits(real_bits u)
{
    REAL x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static inline REAL abs_(REAL x)
{
    return from_bits(bits_of(x) & ~((real_bits)1 << (sizeof(REAL) * 8 - 1)));
}

/* x with the sign of s. */
static inline REAL with_sign(REAL x, REAL s)
{
    const real_bits sign = (real_bits)1 << (sizeof(REAL) * 8 - 1);
    return from_bits((bits_of(x) & ~sign) | (bits_of(s) & sign));
}

/* ---- exponentials ---- */

/* Adding this makes the integer part of a small number the low bits of the sum. */
#define ROUNDER PICK(0x1.8p23, 0x1.8p52)
#define LN2_HI PICK(0.693359375, 0.69314718036912382)
#define LN2_LO PICK(-0.00021219444005469057, 1.9082149292705877e-10)

/* (exp(r) - 1 - r) / r^2 for |r| <= ln(2)/2. */
static inline REAL exp_tail(REAL r)
{
#if REAL_IS_F32
    return POLY5(r, 0.5f, 0.166665182f, 0.0416662022f, 0.00836895406f, 0.00139506487f);
#else
    return POLY10(r, 0.50000000000000133, 0.16666666666666699, 0.041666666666514487, 0.0083333333333069481,
                  0.001388888894729143, 0.0001984126991802881, 2.4801489626425343e-05, 2.7557215658225134e-06,
                  2.7631402849182446e-07, 2.5118079875426252e-08);
#endif
}

/* 2^k as two factors, so that neither overflows nor loses bits when the product is subnormal;
 * `t` is k + ROUNDER, |k| < 2 * BIAS. The shifts are logical: SSE2 and AVX2 have no other for 64 bits. */
static inline REAL exp2_halves(REAL t, REAL *second)
{
    const real_bits offset = 4 * (EXPONENT_BIAS + 1);
    real_bits k = bits_of(t) - bits_of(ROUNDER) + offset, half = k >> 1;
    *second = from_bits((k - half - offset / 2 + EXPONENT_BIAS) << MANTISSA_BITS);
    return from_bits((half - offset / 2 + EXPONENT_BIAS) << MANTISSA_BITS);
}

/* Keeps the argument of exp where 2^k has two halves; NaN stays. */
static inline REAL exp_clamp(REAL x)
{
    const REAL high = PICK(89.0, 710.0), low = PICK(-105.0, -746.0);
    x = x > high ? high : x;
    return x < low ? low : x;
}

/* exp(x + low), |low| small: for arguments known to more digits than one number holds. */
static inline REAL exp_sum(REAL x, REAL low)
{
    x = exp_clamp(x);
    REAL t = x * PICK(1.44269504, 1.4426950408889634) + ROUNDER, k = t - ROUNDER;
    REAL r = ((x - k * LN2_HI) - k * LN2_LO) + low;
    REAL second, first = exp2_halves(t, &second);
    return (1 + (r + r * r * exp_tail(r))) * first * second;
}

static inline REAL exp_(REAL x)
{
    return exp_sum(x, 0);
}

static inline REAL exp2_(REAL x)
{
    const REAL high = PICK(129.0, 1025.0), low = PICK(-151.0, -1076.0);
    x = x > high ? high : x;
    x = x < low ? low : x;
    REAL t = x + ROUNDER, k = t - ROUNDER;
    REAL r = (x - k) * PICK(0.693147181, 0.69314718055994531);
    REAL second, first = exp2_halves(t, &second);
    return (1 + (r + r * r * exp_tail(r))) * first * second;
}

static inline REAL expm1_(REAL x)
{
    REAL z = exp_clamp(x);
    REAL t = z * PICK(1.44269504, 1.4426950408889634) + ROUNDER, k = t - ROUNDER;
    REAL r = (z - k * LN2_HI) - k * LN2_LO;
    REAL second, first = exp2_halves(t, &second);
    /* 2^k * (p + 1) - 1 with the parts in the order that keeps k = 0 exact */
    REAL p = r + r * r * exp_tail(r);
    REAL inverse = from_bits(((real_bits)(2 * EXPONENT_BIAS) << MANTISSA_BITS) - bits_of(second)); /* 1 / second */
    REAL y = (p * first + (first - inverse)) * second;
    return x == 0 ? x : y;
}

static inline REAL sigmoid_(REAL x)
{
    REAL e = exp_(-abs_(x));
    return (x < 0 ? e : 1) / (1 + e);
}

static inline REAL tanh_(REAL x)
{
    REAL t = expm1_(-2 * abs_(x));
    return with_sign(t / (2 + t), x);
}

/* x - tanh(x) = x q / (1 + q), q = z / (3 + z / (5 + z / (7 + ...))), z = x^2: nothing cancels near 0. */
static inline REAL tanhshrink_(REAL x)
{
    const REAL w = x * x, z = w > 1 ? 1 : w;
    REAL q = 0;
    for (int k = REAL_IS_F32 ? 11 : 19; k > 1; k -= 2)
        q = z / ((REAL)k + q);
    const REAL far = x - tanh_(x), near = x * (q / (1 + q));
    return w > 1 ? far : near;
}

/* ---- logarithms ---- */

/* log(m) for x = m * 2^exponent, sqrt(1/2) <= m < sqrt(2); meaningless unless 0 < x < inf. */
static inline REAL log_mantissa(REAL x, REAL *exponent)
{
    const real_bits half_root = REAL_IS_F32 ? 0x3f3504f3 : (real_bits)0x3fe6a09e667f3bcd;
    const real_bits one = (real_bits)EXPONENT_BIAS << MANTISSA_BITS;
    const REAL whole = PICK(0x1p23, 0x1p52);
    REAL lift = x < PICK(0x1p-126, 0x1p-1022) ? PICK(0x1p25, 0x1p54) : 1;
    real_bits u = bits_of(x * lift) + (one - half_root);
    REAL m = from_bits((u & (((real_bits)1 << MANTISSA_BITS) - 1)) + half_root);
    /* an integer written into the mantissa of 2^23 or 2^52 is that number plus the integer */
    *exponent =
        from_bits((u >> MANTISSA_BITS) | bits_of(whole)) - (whole + EXPONENT_BIAS) - (lift > 1 ? PICK(25, 54) : 0);
    REAL f = m - 1, s = f / (2 + f), z = s * s, h = PICK(0.5, 0.5) * f * f;
#if REAL_IS_F32
    REAL tail = z * POLY4(z, 0.666666627f, 0.400003374f, 0.285372406f, 0.235835567f);
#else
    REAL tail = z * POLY7(z, 0.66666666666667351, 0.39999999999411062, 0.28571428743266947, 0.22222198475659588,
                          0.18183569755523482, 0.15313902820153333, 0.14797512483452879);
#endif
    return f - (h - s * (h + tail));
}

/* What a logarithm is outside 0 < x < inf, else y. */
static inline REAL log_edges(REAL x, REAL y)
{
    const REAL inf = (REAL)INFINITY;
    y = x == inf ? inf : y;
    REAL edge = x == 0 ? -inf : (REAL)NAN;
    return x > 0 ? y : edge;
}

static inline REAL log_(REAL x)
{
    REAL k, l = log_mantissa(x, &k);
    return log_edges(x, k * LN2_HI + (l + k * LN2_LO));
}

static inline REAL log2_(REAL x)
{
    REAL k, l = log_mantissa(x, &k);
    return log_edges(x, k + l * PICK(1.44269504, 1.4426950408889634));
}

static inline REAL log10_(REAL x)
{
    REAL k, l = log_mantissa(x, &k);
    return log_edges(x, k * PICK(0.301025390625, 0.30102999566315702) +
                            (k * PICK(4.6050389811952138e-06, 8.241712586023572e-13) +
                             l * PICK(0.434294482, 0.43429448190325182)));
}

static inline REAL log1p_(REAL x)
{
    REAL u = 1 + x, lost = x - (u - 1); /* u + lost is 1 + x exactly, or nearly when x is huge */
    REAL k, l = log_mantissa(u, &k);
    REAL y = log_edges(u, k * LN2_HI + (l + (k * LN2_LO + lost / u)));
    return x == 0 ? x : y;
}

/* log(1 + x) for 0 <= x <= 1: = 2 atanh(x / (2 + x)). */
static inline REAL log1p_unit(REAL x)
{
    const REAL s = x / (2 + x), z = s * s;
#if REAL_IS_F32
    return 2 * s + s * z * POLY5(z, 0.666666687f, 0.399997056f, 0.28592366f, 0.217064604f, 0.232249215f);
#else
    return 2 * s + s * z *
                       POLY10(z, 0.6666666666666666, 0.40000000000014596, 0.2857142856710506, 0.22222222717801782,
                              0.18181789417326444, 0.1538557059291232, 0.13314135550880082, 0.12001155182866678,
                              0.08800317650828664, 0.16164938169547435);
#endif
}

/* log(1 + exp(x)) */
static inline REAL softplus_(REAL x)
{
    return (x < 0 ? 0 : x) + log1p_unit(exp_(-abs_(x)));
}

/* ---- the error function ---- */

/* erfc(z) for z >= 0, given e = exp(-z*z). */
static inline REAL erfc_positive(REAL z, REAL e)
{
    const REAL center = PICK(3, 4), far = PICK(10.5, 27.5);
    z = z > far ? far : z;
    /* erfc(z) * exp(z*z) * (1 + 2z) is smooth in t = (z - c) / (z + c); one division serves both */
    REAL a = z + center, b = 1 + 2 * z, inverse = 1 / (a * b);
    REAL t = (z - center) * b * inverse;
#if REAL_IS_F32
    REAL g = POLY11(t, 1.25300801f, -0.135621145f, -0.0475624353f, 0.129646465f, -0.119270332f, 0.0682959259f,
                    -0.0238011349f, 0.00256368797f, 0.00200705347f, -0.000767877325f, -0.000264154543f);
#else
    REAL w = t * t;
    REAL g = POLY12(w, 1.2329951186255526, 0.015379652102620179, -0.10103906603632419, -0.06633036581205258,
                    -0.016197734054312012, -0.00075777336540158204, 0.00015062230988803561, -1.1224875894472748e-05,
                    3.0135326023467498e-07, 6.2842600231744886e-08, -7.8605480387926779e-09, -1.7750014002096837e-09) +
             t * POLY11(w, -0.13962111684056286, 0.068097054254733072, 0.093732834996928527, 0.037167515560503205,
                        0.0050319697722896557, -0.00019925558911466158, -2.4402916042418455e-05, 5.7173979084349295e-06,
                        -8.345972521383441e-07, 1.1500082979894746e-07, -1.3585833736082032e-08);
#endif
    return e * (g * (a * inverse));
}

/* exp(-scale * x * x), x >= 0, scale a power of two or its negative: the square is taken in two parts, or its
 * rounding would be multiplied by itself. */
static inline REAL exp_minus_square(REAL x, REAL scale)
{
    const real_bits keep = REAL_IS_F32 ? 0xfffff000 : (real_bits)0xfffffffff8000000;
    const REAL far = PICK(16, 64);
    x = x > far ? far : x;
    REAL head = from_bits(bits_of(x) & keep);
    return exp_sum(-scale * (head * head), -scale * ((x - head) * (x + head)));
}

/* From here on erfcx and its slope are summed by their asymptotic series. */
#define ERFCX_FAR PICK(10, 27)

/* exp(z*z) * erfc(z) for z >= 0. */
static inline REAL erfcx_positive(REAL z)
{
    const REAL v = PICK(0.5, 0.5) / (z * z);
#if REAL_IS_F32
    const REAL series = POLY5(v, 1, -1, 3, -15, 105);
#else
    const REAL series = POLY7(v, 1, -1, 3, -15, 105, -945, 10395);
#endif
    return z > ERFCX_FAR ? PICK(0.564189584, 0.56418958354775629) / z * series : erfc_positive(z, 1);
}

static inline REAL erfcx_(REAL x)
{
    const REAL z = abs_(x), y = erfcx_positive(z);
    return x < 0 ? 2 * exp_minus_square(z, -1) - y : y;
}

/* 2 x erfcx(x) - 2 / sqrt(pi), which cancels where x is large. */
static inline REAL erfcx_slope(REAL x)
{
    const REAL v = PICK(0.5, 0.5) / (x * x);
#if REAL_IS_F32
    const REAL series = v * POLY4(v, -1, 3, -15, 105);
#else
    const REAL series = v * POLY6(v, -1, 3, -15, 105, -945, 10395);
#endif
    return x > ERFCX_FAR ? PICK(1.12837917, 1.1283791670955126) * series
                         : 2 * x * erfcx_(x) - PICK(1.12837917, 1.1283791670955126);
}

static inline REAL erf_(REAL x)
{
    REAL z = abs_(x), w = x * x;
    w = w > 1 ? 1 : w;
#if REAL_IS_F32
    REAL near_zero = z * POLY5(w, 1.12837911f, -0.376125783f, 0.112821333f, -0.0267105922f, 0.00462136511f);
#else
    REAL near_zero = z * POLY10(w, 1.1283791670955126, -0.37612638903183743, 0.11283791670953981, -0.02686617064464546,
                                0.0052239776149692243, -0.00085483257256450745, 0.00012055234948642239,
                                -1.4921056343262916e-05, 1.6331388179632583e-06, -1.428131078140392e-07);
#endif
    REAL far = 1 - erfc_positive(z, exp_minus_square(z, 1));
    return with_sign(z < PICK(0.55, 0.55) ? near_zero : far, x);
}

#define ROOT_HALF PICK(0.707106781, 0.70710678118654752)

/* The normal distribution's cumulative function, relatively exact in the left tail as well;
 * *density gets exp(-x*x/2). */
static inline REAL normal_cdf(REAL x, REAL *density)
{
    REAL z = abs_(x);
    REAL e = exp_minus_square(z, PICK(0.5, 0.5));
    REAL tail = PICK(0.5, 0.5) * erfc_positive(z * ROOT_HALF, e);
    *density = e;
    return x < 0 ? tail : 1 - tail;
}

static inline REAL gelu_(REAL x)
{
    REAL density;
    return x * normal_cdf(x, &density);
}

static inline REAL gelu_slope(REAL x)
{
    REAL density, cdf = normal_cdf(x, &density);
    return cdf + x * (density * PICK(0.398942280, 0.39894228040143268));
}

/* x/2 * (1 + tanh(u)) = x * sigmoid(2u), u = sqrt(2/pi) * (x + 0.044715 x^3). */
static inline REAL gelu_tanh_(REAL x)
{
    REAL v = x * (PICK(1.59576912, 1.5957691216057308) + PICK(0.0713548163, 0.071354816272600248) * (x * x));
    return x * sigmoid_(v);
}

static inline REAL gelu_tanh_slope(REAL x)
{
    REAL w = x * x;
    REAL v = x * (PICK(1.59576912, 1.5957691216057308) + PICK(0.0713548163, 0.071354816272600248) * w);
    REAL dv = PICK(1.59576912, 1.5957691216057308) + PICK(0.214064449, 0.21406444881780074) * w;
    REAL s = sigmoid_(v);
    return s + x * (s * (1 - s)) * dv;
}

static inline REAL silu_slope(REAL x)
{
    REAL s = sigmoid_(x);
    return s * (1 + x * (1 - s));
}

/* tanh(log(1 + e^x)) = n / (n + 2), n = e^2x + 2e^x; *slope gets its derivative. */
static inline REAL mish_factor(REAL x, REAL *slope)
{
    const REAL far = PICK(20, 40);
    REAL e = exp_(x > far ? far : x), n = e * (e + 2), inverse = 1 / (n + 2);
    *slope = x > far ? 0 : 4 * e * (1 + e) * inverse * inverse;
    return n * inverse;
}

static inline REAL mish_(REAL x)
{
    REAL slope;
    return x * mish_factor(x, &slope);
}

static inline REAL mish_slope(REAL x)
{
    REAL slope, factor = mish_factor(x, &slope);
    return factor + x * slope;
}

static inline REAL logsigmoid_(REAL x)
{
    return (x < 0 ? x : 0) - log1p_unit(exp_(-abs_(x)));
}

/* ---- sine and cosine ---- */

/* Up to here the reduction by multiples of pi/2 is exact enough; see circle_far. */
#define CIRCLE_LIMIT 1e6

/* sin and cos of x's distance r from the nearest multiple of pi/2, |x| <= CIRCLE_LIMIT; *quadrant: which multiple,
 * mod 4 in {-2, -1, 0, 1, 2}. float is reduced in double. */
static inline void circle_parts(REAL x, int quarters, REAL *sine, REAL *cosine, REAL *quadrant)
{
    double wide = abs_(x) <= PICK(CIRCLE_LIMIT, CIRCLE_LIMIT) ? x : 0;
    double k = wide * 0.63661977236758134 + 0x1.8p52 - 0x1.8p52;
    REAL r = (REAL)(((wide - k * 1.5707963267341256) - k * 6.077100506303966e-11) - k * 2.0222662487959506e-21);
    REAL q = (REAL)(k + quarters);
    *quadrant = q - 4 * (q * PICK(0.25, 0.25) + ROUNDER - ROUNDER); /* without integers */
    REAL z = r * r;
#if REAL_IS_F32
    *sine = r + r * z * POLY3(z, -0.166666552f, 0.00833217613f, -0.000195169836f);
    *cosine = 1 - 0.5f * z + z * z * POLY3(z, 0.0416666456f, -0.00138873653f, 2.44381517e-05f);
#else
    *sine = r + r * z *
                    POLY6(z, -0.16666666666666632, 0.0083333333333223698, -0.00019841269829771284,
                          2.7557313678664733e-06, -2.5050755958522096e-08, 1.5896666281554817e-10);
    REAL h = 0.5 * z, one = 1 - h;
    *cosine =
        one + (((1 - one) - h) + z * z *
                                     POLY6(z, 0.041666666666666602, -0.0013888888888874064, 2.4801587289443333e-05,
                                           -2.7557314340605562e-07, 2.0875721615287052e-09, -1.1359558852775209e-11));
#endif
}

/* sin(x + quarters * pi/2), |x| <= CIRCLE_LIMIT. */
static inline REAL circle(REAL x, int quarters)
{
    REAL s, c, q;
    circle_parts(x, quarters, &s, &c, &q);
    REAL y = abs_(q) == 1 ? c : s;
    y = abs_(q - PICK(0.5, 0.5)) > 1 ? -y : y; /* all but 0 and 1 */
    y = (x == 0) & (quarters == 0) ? x : y;
    return x - x == 0 ? y : (REAL)NAN;
}

/* tan(x), |x| <= CIRCLE_LIMIT. */
static inline REAL tan_(REAL x)
{
    REAL s, c, q;
    circle_parts(x, 0, &s, &c, &q);
    const int odd = abs_(q) == 1;
    REAL y = (odd ? -c : s) / (odd ? s : c);
    y = x == 0 ? x : y;
    return x - x == 0 ? y : (REAL)NAN;
}
