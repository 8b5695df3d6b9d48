/* gamma.inc.h -- the gamma function's logarithm and its derivatives, one number at a time, in double for both types. */

#define FNN_PI 3.141592653589793
/* Where digamma is 0, in two numbers. */
#define FNN_PSI_ROOT 1.4616321449683622
#define FNN_PSI_ROOT_REST 9.549995429965697e-17

/* The asymptotic series in w = 1 / x^2, x >= 16: digamma = log(x) - 1 / (2 x) - sum c[k] w^(k + 1), trigamma = 1 / x +
 * w / 2 + w / x sum (2 k + 2) c[k] w^k. */
static const double fnn_psi_series[] = {1.0 / 12, -1.0 / 120, 1.0 / 252, -1.0 / 240, 1.0 / 132, -691.0 / 32760};

/* digamma(x), x > 0: below 16 as its difference from digamma(root) = 0, all parts of which have a factor x - root and
 * one sign, so that nothing cancels. */
static double fnn_psi_positive(double x)
{
    double w, value = 0, slope = 0;
    if (x >= 16) {
        w = 1 / (x * x);
        for (int k = 5; k >= 0; k--)
            value = value * w + fnn_psi_series[k];
        return log(x) - (0.5 / x + w * value);
    }
    const double away = (x - FNN_PSI_ROOT) - FNN_PSI_ROOT_REST;
    double root = FNN_PSI_ROOT;
    for (int k = 0; k < 16; k++, x++, root++)
        slope += 1 / (x * root);
    /* the series at both ends, value(w) and its divided difference; w - v = -away (x + root) / (x root)^2 */
    const double v = 1 / (root * root), square = 1 / (x * root);
    double difference = 0;
    w = 1 / (x * x);
    for (int k = 5; k >= 0; k--) {
        difference = difference * v + value;
        value = value * w + fnn_psi_series[k];
    }
    difference = difference * v + value; /* of w value(w) */
    slope += 0.5 * square + difference * (x + root) * square * square;
    return away * slope + log1p(away / root);
}

static double fnn_digamma(double x)
{
    if (x == 0)
        return copysign(INFINITY, -x);
    if (!(x < 0))
        return fnn_psi_positive(x);
    const double part = x - rint(x); /* exact, as x is not close to another pole than that */
    return part == 0 ? NAN : fnn_psi_positive(1 - x) - FNN_PI / tan(FNN_PI * part);
}

static double fnn_trigamma(double x)
{
    double total = 0, sign = 1, series = 0;
    if (x < 0) {
        const double sine = sin(FNN_PI * (x - rint(x))) / FNN_PI;
        total = 1 / (sine * sine);
        x = 1 - x;
        sign = -1;
    }
    for (; x < 16; x++)
        total += sign / (x * x);
    const double w = 1 / (x * x);
    for (int k = 5; k >= 0; k--)
        series = series * w + (2 * k + 2) * fnn_psi_series[k];
    return total + sign * (1 / x + w / 2 + w / x * series);
}

static inline REAL lgamma_(REAL x)
{
#if defined(_WIN32) || defined(__APPLE__)
    return (REAL)lgamma((double)x); /* no lgamma_r there, or not declared; nobody reads signgam */
#else
    int sign; /* lgamma writes signgam, which threads share */
    return (REAL)lgamma_r((double)x, &sign);
#endif
}

static inline REAL digamma_(REAL x)
{
    return (REAL)fnn_digamma((double)x);
}

static inline REAL trigamma_(REAL x)
{
    return (REAL)fnn_trigamma((double)x);
}
