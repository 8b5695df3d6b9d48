/* gemm_pack.inc.h -- copies of parts of A and B in the order in which the tiles read them. */

/* dst[kk * width + j] = B[kk, j] for kk < k, j < columns; the columns up to `width` are left as they are: no tile
 * reads them except into lanes that it drops. Columns that run along k are so many streams that no prefetcher follows
 * them: memory is asked for the next two vectors of columns meanwhile, for MEMORY_LINE columns by the tile (its
 * `ahead`), for the others here. */
static void gemm_pack_b(REAL *dst, int64_t width, const REAL *b, int64_t bs_k, int64_t bs_n, int64_t k, int64_t columns)
{
    if (bs_n == 1) {
        for (int64_t kk = 0; kk < k; kk++)
            v_copy(dst + kk * width, b + kk * bs_k, columns);
        return;
    }
    int64_t j = 0;
    if (bs_k == 1) { /* transpose VQUAD x VQUAD blocks, a whole vector of columns at a time */
        const int64_t body = k - k % VQUAD;
        prefetch asking = prefetch_rows(b + (columns + MEMORY_LINE) * bs_n, k, bs_n);
        for (; j + VW <= columns; j += VW) {
            const REAL *from = b + j * bs_n;
            REAL *to = dst + j;
            for (int64_t kk = 0; kk < body; kk += VQUAD) {
                vec v[VQUAD];
                FNN_UNROLL
                for (int q = 0; q < VQUAD; q++)
                    v[q] = v_load_lanes(from + q * bs_n + kk, VQUAD * bs_n);
                for (int lines = (2 * VW - MEMORY_LINE) * VQUAD / (2 * MEMORY_LINE); lines > 0; lines--)
                    prefetch_next(&asking);
                v_transpose_lanes(v);
                FNN_UNROLL
                for (int q = 0; q < VQUAD; q++)
                    v_store(to + (kk + q) * width, v[q]);
            }
            for (int64_t kk = body; kk < k; kk++)
                for (int l = 0; l < VW; l++)
                    to[kk * width + l] = from[l * bs_n + kk];
        }
        if (columns - j > 1 && body > 0) { /* the last vector repeats its last column */
            const REAL *from[VW];
            const vmask tail = v_mask(columns - j);
            REAL *to = dst + j;
            for (int l = 0; l < VW; l++)
                from[l] = b + (j + l < columns ? j + l : columns - 1) * bs_n;
            for (int64_t kk = 0; kk < body; kk += VQUAD) {
                vec v[VQUAD];
                FNN_UNROLL
                for (int q = 0; q < VQUAD; q++)
                    v[q] = v_gather_lanes(from + q, kk);
                v_transpose_lanes(v);
                FNN_UNROLL
                for (int q = 0; q < VQUAD; q++)
                    v_store_part(to + (kk + q) * width, tail, v[q]);
            }
            for (int64_t kk = body; kk < k; kk++)
                for (int l = 0; l < columns - j; l++)
                    to[kk * width + l] = from[l][kk];
            j = columns;
        }
    }
    for (; j < columns; j++) {
        const REAL *from = b + j * bs_n;
        for (int64_t kk = 0; kk < k; kk++)
            dst[kk * width + j] = from[kk * bs_k];
    }
}

/* All of B (k x n), two vectors of columns after two vectors, PANELS(k, n) REALs; the end of the last ones is left as
 * it is. The next place in dst. */
static REAL *pack_panels(REAL *dst, const REAL *b, int64_t bs_k, int64_t bs_n, int64_t k, int64_t n)
{
    for (int64_t j = 0; j < n; j += 2 * VW, dst += 2 * VW * k)
        gemm_pack_b(dst, 2 * VW, b + j * bs_n, bs_k, bs_n, k, n - j < 2 * VW ? n - j : 2 * VW);
    return dst;
}

typedef struct {
    REAL *dst;
    const REAL *b;
    int64_t bs_k, bs_n, k, n;
} panels_job;

static void pack_panels_range(void *context, int64_t begin, int64_t end)
{
    const panels_job *const p = context;
    const int64_t from = begin * 2 * VW, to = end * 2 * VW < p->n ? end * 2 * VW : p->n;
    pack_panels(p->dst + from * p->k, p->b + from * p->bs_n, p->bs_k, p->bs_n, p->k, to - from);
}

/* The same by all threads. */
static REAL *pack_panels_together(REAL *dst, const REAL *b, int64_t bs_k, int64_t bs_n, int64_t k, int64_t n)
{
    panels_job p = {.dst = dst, .b = b, .bs_k = bs_k, .bs_n = bs_n, .k = k, .n = n};
    const int64_t panels = (n + 2 * VW - 1) / (2 * VW);
    fnn_parallel_for(panels, 1, 0.3 * (double)(k * 2 * VW), pack_panels_range, &p);
    return dst + panels * 2 * VW * k;
}

/* A tile of A, rows x k, without the long strides that make its lines fight for the same sets of the cache. */
static void gemm_pack_a(REAL *dst, int64_t *as_m, int64_t *as_k, const REAL *a, int64_t rows, int64_t k)
{
    if (*as_k == 1) {
        const int64_t stride = (k + VW - 1) / VW * VW + VW;
        for (int64_t i = 0; i < rows; i++)
            memcpy(dst + i * stride, a + i * *as_m, (size_t)k * sizeof(REAL));
        *as_m = stride;
    } else {
        const int64_t from_m = *as_m, from_k = *as_k;
        if (from_m == 1) {
            const int64_t whole = rows - rows % VW;
            const vmask tail = v_mask(rows - whole);
            for (int64_t kk = 0; kk < k; kk++) {
                for (int64_t i = 0; i < whole; i += VW)
                    v_store(dst + kk * PACKED_ROWS + i, v_load(a + kk * from_k + i));
                v_store_part(dst + kk * PACKED_ROWS + whole, tail, v_load_part(a + kk * from_k + whole, tail));
            }
        } else
            for (int64_t kk = 0; kk < k; kk++)
                for (int64_t i = 0; i < rows; i++)
                    dst[kk * PACKED_ROWS + i] = a[kk * from_k + i * from_m];
        *as_m = 1;
        *as_k = PACKED_ROWS;
    }
}
