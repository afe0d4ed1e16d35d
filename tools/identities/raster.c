/* Depth-buffered triangles and hair lines. Screen points are (x, y, depth); smaller depth is nearer.
   Built by raster.py with the system's C compiler. */
#include <math.h>
#include <stddef.h>

/* ids, u and v may be NULL: then only depth is kept. u and v weigh the second and third corner. */
void triangles(const float *p, const int *t, int count, int wide, int high, float *depth, int *ids, float *u, float *v,
               int first) {
    for (int i = 0; i < count; i++) {
        const float *a = p + 3 * t[3 * i], *b = p + 3 * t[3 * i + 1], *c = p + 3 * t[3 * i + 2];
        float area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
        if (fabsf(area) < 1e-9f) continue;
        float low_x = fminf(a[0], fminf(b[0], c[0])), high_x = fmaxf(a[0], fmaxf(b[0], c[0]));
        float low_y = fminf(a[1], fminf(b[1], c[1])), high_y = fmaxf(a[1], fmaxf(b[1], c[1]));
        if (high_x < 0 || high_y < 0 || low_x >= wide || low_y >= high) continue;
        int x0 = (int)fmaxf(ceilf(low_x), 0), x1 = (int)fminf(floorf(high_x), wide - 1);
        int y0 = (int)fmaxf(ceilf(low_y), 0), y1 = (int)fminf(floorf(high_y), high - 1);
        float inverse = 1 / area;
        for (int y = y0; y <= y1; y++)
            for (int x = x0; x <= x1; x++) {
                float s = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) * inverse;
                float w = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) * inverse;
                if (s < -1e-4f || w < -1e-4f || s + w > 1.0001f) continue;
                float z = a[2] + s * (b[2] - a[2]) + w * (c[2] - a[2]);
                size_t at = (size_t)y * wide + x;
                if (z >= depth[at]) continue;
                depth[at] = z;
                if (ids) { ids[at] = first + i; u[at] = s; v[at] = w; }
            }
    }
}

/* Strands of `points` points each as lines one pixel wide. The id counts points, u is the place in the segment. */
void lines(const float *p, int strands, int points, int wide, int high, float *depth, int *ids, float *u, int first) {
    for (int i = 0; i < strands; i++)
        for (int k = 0; k + 1 < points; k++) {
            const float *a = p + 3 * (i * points + k), *b = a + 3;
            float dx = b[0] - a[0], dy = b[1] - a[1];
            int steps = (int)fmaxf(fabsf(dx), fabsf(dy)) + 1;
            if (steps > 4000) continue;
            for (int j = 0; j < steps; j++) {
                float s = (float)j / steps;
                int x = (int)lrintf(a[0] + s * dx), y = (int)lrintf(a[1] + s * dy);
                if (x < 0 || y < 0 || x >= wide || y >= high) continue;
                float z = a[2] + s * (b[2] - a[2]);
                size_t at = (size_t)y * wide + x;
                if (z >= depth[at]) continue;
                depth[at] = z;
                if (ids) { ids[at] = first + i * points + k; u[at] = s; }
            }
        }
}

/* Thin hairs over a finished picture: each covers `alpha` of a pixel, thinning to the tip. */
void blend(const float *p, const float *rgb, const float *alpha, int strands, int points, int wide, int high,
           const float *depth, float *picture, float bias) {
    for (int i = 0; i < strands; i++)
        for (int k = 0; k + 1 < points; k++) {
            const float *a = p + 3 * (i * points + k), *b = a + 3, *colour = rgb + 3 * (i * points + k);
            float dx = b[0] - a[0], dy = b[1] - a[1];
            int steps = (int)fmaxf(fabsf(dx), fabsf(dy)) + 1;
            if (steps > 4000) continue;
            float share = alpha[i] * (1 - 0.75f * k / points);
            for (int j = 0; j < steps; j++) {
                float s = (float)j / steps;
                int x = (int)lrintf(a[0] + s * dx), y = (int)lrintf(a[1] + s * dy);
                if (x < 0 || y < 0 || x >= wide || y >= high) continue;
                size_t at = (size_t)y * wide + x;
                if (a[2] + s * (b[2] - a[2]) > depth[at] + bias) continue;
                for (int c = 0; c < 3; c++) picture[3 * at + c] += share * (colour[c] - picture[3 * at + c]);
            }
        }
}

/* Points seen along the rows of `axes`, relative to `centre`; the first two coordinates on a grid of `side` pixels. */
void to_map(const float *p, int count, const float *axes, const float *centre, float scale, int side, float *out) {
    for (int i = 0; i < count; i++) {
        float x = p[3 * i] - centre[0], y = p[3 * i + 1] - centre[1], z = p[3 * i + 2] - centre[2];
        out[3 * i] = (axes[0] * x + axes[1] * y + axes[2] * z) * scale + 0.5f * side;
        out[3 * i + 1] = (axes[3] * x + axes[4] * y + axes[5] * z) * scale + 0.5f * side;
        out[3 * i + 2] = axes[6] * x + axes[7] * y + axes[8] * z;
    }
}

static float rough_random(unsigned *state) {
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 8) / 16777216.0f * 2 - 1;
}

/* Metres between the first thing a shadow map shows and each point; `jitter` in pixels. */
static float hidden_by(const float *q, const float *axes, const float *centre, float scale, int side, const float *depth,
                       float jitter, unsigned *state) {
    float m[3];
    to_map(q, 1, axes, centre, scale, side, m);
    int x = (int)lrintf(m[0] + jitter * rough_random(state)), y = (int)lrintf(m[1] + jitter * rough_random(state));
    x = x < 0 ? 0 : x >= side ? side - 1 : x;
    y = y < 0 ? 0 : y >= side ? side - 1 : y;
    float gap = m[2] - depth[y * side + x];
    return gap > 0 ? gap : 0;
}

void behind(const float *p, int count, const float *axes, const float *centre, float scale, int side, const float *depth,
            float jitter, unsigned seed, float *out) {
    for (int i = 0; i < count; i++) out[i] = hidden_by(p + 3 * i, axes, centre, scale, side, depth, jitter, &seed);
}

/* One lamp point on skin: adds to light (n, 3) and to shine (n). `square_alpha` is GGX roughness to the fourth. */
void skin_lamp(const float *p, const float *normal, const float *toward, const float *square_alpha, int count,
               const float *lamp, const float *power, const float *axes, const float *centre, float scale, int side,
               const float *depth, unsigned seed, float *light, float *shine) {
    for (int i = 0; i < count; i++) {
        const float *q = p + 3 * i, *n = normal + 3 * i, *t = toward + 3 * i;
        float d[3] = {lamp[0] - q[0], lamp[1] - q[1], lamp[2] - q[2]};
        float square = d[0] * d[0] + d[1] * d[1] + d[2] * d[2], inverse = 1 / sqrtf(square);
        for (int c = 0; c < 3; c++) d[c] *= inverse;
        /* Even ground glows a little past the terminator. */
        float received = (n[0] * d[0] + n[1] * d[1] + n[2] * d[2] + 0.06f) / 1.06f;
        if (received <= 0) continue;
        float lifted[3] = {q[0] + 0.003f * n[0], q[1] + 0.003f * n[1], q[2] + 0.003f * n[2]};
        float lit = 1 - (hidden_by(lifted, axes, centre, scale, side, depth, 0.9f, &seed) - 0.002f) / 0.002f;
        if (lit <= 0) continue;
        received *= lit > 1 ? 1 : lit;
        float fall = received / (3.14159265f * square);
        for (int c = 0; c < 3; c++) light[3 * i + c] += power[c] * fall;
        float h[3] = {d[0] + t[0], d[1] + t[1], d[2] + t[2]};
        float length = 1 / sqrtf(h[0] * h[0] + h[1] * h[1] + h[2] * h[2] + 1e-12f);
        float nh = (n[0] * h[0] + n[1] * h[1] + n[2] * h[2]) * length, dh = (d[0] * h[0] + d[1] * h[1] + d[2] * h[2]) * length;
        if (nh <= 0) continue;
        float a = square_alpha[i], peak = nh * nh * (a - 1) + 1, grazing = 1 - (dh > 1 ? 1 : dh);
        float fresnel = 0.028f + 0.972f * grazing * grazing * grazing * grazing * grazing;
        float nt = n[0] * t[0] + n[1] * t[1] + n[2] * t[2];
        shine[i] += power[1] * fall * a / (3.14159265f * peak * peak) * fresnel / 4 / (nt > 0.3f ? nt : 0.3f);
    }
}
