/* trig.inc.h -- inverse trigonometric and hyperbolic functions: branch-free expressions like those of math.inc.h,
 * whose remarks hold here too. Polynomials are interpolated at Chebyshev nodes.
 *
 * Largest error measured, in units of the last place over 6e4 random arguments, against extended precision:
 *
 *          float double           float double           float double
 *   asin    1.54   1.53    sinh    1.52   1.47    asinh   1.59   1.73
 *   acos    1.07   1.08    cosh    1.30   1.40    acosh   1.50   1.83
 *   atan    1.74   1.60    atan2   1.74   1.69    atanh   1.97   2.04
 */

/* ---- inverse trigonometric ---- */

/* atan(n / d), 0 <= n, 0 < d, both far from overflow; *whole gets the multiple of pi/4
 * that is to be added. */
static inline __attribute__((always_inline)) REAL atan_parts(REAL n, REAL d, REAL *whole)
{
    /* t in [-tan(pi/8), tan(pi/8)]: atan(n/d) = pi/2 + atan(-d/n) = pi/4 + atan((n - d) / (n + d)) */
    const int large = n > d * PICK(2.41421356, 2.4142135623730951);
    const int small = n <= d * PICK(0.414213562, 0.41421356237309503);
    const REAL up = large ? -d : (small ? n : n - d), down = large ? n : (small ? d : n + d);
    const REAL t = up / down, z = t * t;
    const REAL low =
        large ? PICK(-4.37113883e-08, 6.123233995736766e-17) : PICK(-2.18556941e-08, 3.061616997868383e-17);
    *whole = small ? 0 : (large ? PICK(1.57079637, 1.5707963267948966) : PICK(0.785398185, 0.7853981633974483));
#if REAL_IS_F32
    const REAL tail = t * z * POLY5(z, -0.333333313f, 0.199995399f, -0.142639503f, 0.107436687f, -0.0645171851f);
#else
    const REAL tail = t * z *
                      POLY12(z, -0.3333333333333333, 0.19999999999999804, -0.14285714285659779, 0.11111111105150588,
                             -0.09090908753259112, 0.07692296368042296, -0.06666424760200507, 0.05878927554473668,
                             -0.05230443640686046, 0.0455154473401848, -0.034569315063240416, 0.016284375049956695);
#endif
    return t + (tail + (small ? 0 : low));
}

static inline REAL atan_(REAL x)
{
    const REAL z = abs_(x), huge = PICK(0x1p100, 0x1p1000);
    REAL whole, part = atan_parts(z > huge ? huge : z, 1, &whole);
    return with_sign(whole + part, x);
}

/* Inlined by force: called, it would keep the loops around it from vectorising. */
static inline __attribute__((always_inline)) REAL atan2_(REAL y, REAL x)
{
    const REAL inf = (REAL)INFINITY, pi = PICK(3.14159274, 3.141592653589793);
    REAL a = abs_(y), b = abs_(x);
    const int both = (a == inf) & (b == inf), swap = a > b;
    a = both ? 1 : a, b = both ? 1 : b;
    REAL n = swap ? b : a, d = swap ? a : b;
    /* away from overflow and underflow: n / d keeps its value; 0 / 0 is 0, x / inf too */
    const REAL large = PICK(0x1p120, 0x1p1000), small = PICK(0x1p-60, 0x1p-800);
    REAL scale = d > large ? PICK(0x1p-40, 0x1p-100) : 1;
    scale = d < small ? PICK(0x1p60, 0x1p800) : scale;
    n = d == inf ? 0 : n * scale;
    d = (d == inf) | (d == 0) ? 1 : d * scale;
    REAL whole, part = atan_parts(n, d, &whole);
    /* pi/2 - r where swapped, then pi - r where x is negative, low parts first */
    const REAL half_pi = PICK(1.57079637, 1.5707963267948966);
    const REAL half_pi_low = PICK(-4.37113883e-08, 6.123233995736766e-17);
    part = swap ? half_pi_low - part : part;
    whole = swap ? half_pi - whole : whole;
    const int left = (bits_of(x) >> (sizeof(REAL) * 8 - 1)) != 0;
    part = left ? 2 * half_pi_low - part : part;
    whole = left ? pi - whole : whole;
    const REAL r = whole + part;
    const REAL sum = x + y, signed_r = with_sign(r, y);
    return (x != x) | (y != y) ? sum : signed_r;
}

/* (asin(s) - s) / s, s^2 = z <= 1/4 */
static inline REAL asin_tail(REAL z)
{
#if REAL_IS_F32
    return z * POLY6(z, 0.166666657f, 0.0750009418f, 0.0445994027f, 0.0311006624f, 0.0171492379f, 0.0336908475f);
#else
    return z * (0.16666666666666669 + z * POLY12(z, 0.07499999999998433, 0.04464285714635543, 0.030381944138531247,
                                                 0.02237217294214989, 0.017352392720869945, 0.013971212973553311,
                                                 0.011479177415181617, 0.0103228143502052, 0.005457506718563782,
                                                 0.01740087944288715, -0.014851887071528912, 0.028757851367602328));
#endif
}

/* asin(x) = pi/2 - 2 asin(sqrt((1 - x) / 2)) where x > 1/2; beyond 1 the root is NaN */
static inline REAL asin_(REAL x)
{
    const REAL z = abs_(x);
    const int far = z > PICK(0.5, 0.5);
    const REAL w = far ? (1 - z) * PICK(0.5, 0.5) : z * z, s = far ? LIBM(sqrt)(w) : z;
    const REAL tail = s * asin_tail(w);
    const REAL y =
        far ? PICK(1.57079637, 1.5707963267948966) - (2 * s + (2 * tail - PICK(-4.37113883e-08, 6.123233995736766e-17)))
            : s + tail;
    return with_sign(y, x);
}

static inline REAL acos_(REAL x)
{
    const REAL z = abs_(x), half_pi = PICK(1.57079637, 1.5707963267948966);
    const REAL low = PICK(-4.37113883e-08, 6.123233995736766e-17);
    const int far = z > PICK(0.5, 0.5);
    const REAL w = far ? (1 - z) * PICK(0.5, 0.5) : z * z, s = far ? LIBM(sqrt)(w) : x;
    const REAL tail = s * asin_tail(w);
    const REAL left = 2 * half_pi - (2 * s + (2 * tail - 2 * low));
    const REAL y = far ? (x < 0 ? left : 2 * (s + tail)) : half_pi - (s + (tail - low));
    return x != x ? x : y;
}

/* ---- hyperbolic ---- */

/* exp(x) / 2 for x >= 0, which does not overflow before sinh and cosh do. */
static inline REAL half_exp(REAL x)
{
    const REAL high = PICK(90.0, 711.0);
    x = x > high ? high : x;
    REAL t = x * PICK(1.44269504, 1.4426950408889634) + ROUNDER, k = t - ROUNDER;
    REAL r = (x - k * LN2_HI) - k * LN2_LO;
    REAL second, first = exp2_halves(t, &second);
    return (1 + (r + r * r * exp_tail(r))) * first * (PICK(0.5, 0.5) * second);
}

static inline REAL sinh_(REAL x)
{
    const REAL z = abs_(x), h = half_exp(z), w = z > 1 ? 1 : z * z;
#if REAL_IS_F32
    const REAL series = z + z * w * POLY4(w, 0.166666672f, 0.00833333936f, 0.000198381022f, 2.80628024e-06f);
#else
    const REAL series =
        z + z * w *
                POLY8(w, 0.16666666666666666, 0.008333333333333333, 0.00019841269841269773, 2.755731922404034e-06,
                      2.505210836405804e-08, 1.6059048396350562e-10, 7.646625361656656e-13, 2.8445264169895616e-15);
#endif
    return with_sign(z > 1 ? h - PICK(0.25, 0.25) / h : series, x);
}

static inline REAL cosh_(REAL x)
{
    const REAL h = half_exp(abs_(x));
    return h + PICK(0.25, 0.25) / h;
}

/* From here on squares may overflow, and log(2 x) is close enough. */
#define AREA_LIMIT PICK(0x1p26, 0x1p60)

static inline REAL asinh_(REAL x)
{
    const REAL z = abs_(x);
    const int far = z > AREA_LIMIT;
    const REAL v = far ? 1 : z, w = v * v;
    const REAL u = far ? z : v + w / (1 + LIBM(sqrt)(1 + w));
    return with_sign(log1p_(u) + (far ? PICK(0.693147181, 0.69314718055994531) : 0), x);
}

static inline REAL acosh_(REAL x)
{
    const int far = x > AREA_LIMIT;
    const REAL t = far ? 1 : x - 1;
    const REAL u = far ? x : t + LIBM(sqrt)(t * (t + 2));
    const REAL y = log1p_(u) + (far ? PICK(0.693147181, 0.69314718055994531) : 0);
    return x < 1 ? (REAL)NAN : y;
}

static inline REAL atanh_(REAL x)
{
    const REAL z = abs_(x);
    return with_sign(PICK(0.5, 0.5) * log1p_(2 * z / (1 - z)), x);
}
