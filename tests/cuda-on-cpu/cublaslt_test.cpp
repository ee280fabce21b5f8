// The emulated cuBLASLt against a plain loop, what it refuses, and that its bits behave as the real library's do.
#include <chrono>
#include <cmath>
#include <random>

#include "test_device.h"

namespace {

std::vector<float> random_values(std::size_t count, unsigned seed)
{
    std::mt19937 engine(seed);
    std::uniform_real_distribution<float> uniform(-1, 1);
    std::vector<float> values(count);
    for (float& value : values) value = uniform(engine);
    return values;
}

// y[rows, out] = x[rows, in] W[out, in]^T as the engine asks for it: column-major D[out, rows] = W^T-of-columns times x.
struct Linear {
    cublasLtHandle_t library = nullptr;
    cublasLtMatmulDesc_t desc = nullptr;
    cublasLtMatrixLayout_t w = nullptr, x = nullptr, y = nullptr;
    cublasLtMatmulPreference_t preference = nullptr;

    Linear(long long rows, long long in, long long out, cudaDataType type = CUDA_R_32F, cudaDataType result = CUDA_R_32F)
    {
        OK(cublasLtCreate(&library));
        OK(cublasLtMatmulDescCreate(&desc, CUBLAS_COMPUTE_32F_PEDANTIC, CUDA_R_32F));
        set(CUBLASLT_MATMUL_DESC_TRANSA, static_cast<int>(CUBLAS_OP_T));
        OK(cublasLtMatrixLayoutCreate(&w, type, in, out, in));
        OK(cublasLtMatrixLayoutCreate(&x, type, in, rows, in));
        OK(cublasLtMatrixLayoutCreate(&y, result, out, rows, out));
        OK(cublasLtMatmulPreferenceCreate(&preference));
        prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t(1) << 24);
    }
    ~Linear()
    {
        OK(cublasLtMatmulPreferenceDestroy(preference));
        for (cublasLtMatrixLayout_t layout : {w, x, y}) OK(cublasLtMatrixLayoutDestroy(layout));
        OK(cublasLtMatmulDescDestroy(desc));
        OK(cublasLtDestroy(library));
    }

    template <class Value> void set(cublasLtMatmulDescAttributes_t which, Value value) { OK(cublasLtMatmulDescSetAttribute(desc, which, &value, sizeof value)); }
    template <class Value> void prefer(cublasLtMatmulPreferenceAttributes_t which, Value value)
    {
        OK(cublasLtMatmulPreferenceSetAttribute(preference, which, &value, sizeof value));
    }
    template <class Value> static void lay(cublasLtMatrixLayout_t layout, cublasLtMatrixLayoutAttribute_t which, Value value)
    {
        OK(cublasLtMatrixLayoutSetAttribute(layout, which, &value, sizeof value));
    }
    void no_split() { prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, std::uint32_t(0)); }

    std::vector<cublasLtMatmulHeuristicResult_t> heuristic()
    {
        std::vector<cublasLtMatmulHeuristicResult_t> found(8);
        int count = 0;
        OK(cublasLtMatmulAlgoGetHeuristic(library, desc, w, x, y, y, preference, 8, found.data(), &count));
        found.resize(count);
        return found;
    }
    static int config(const cublasLtMatmulAlgo_t& algorithm, cublasLtMatmulAlgoConfigAttributes_t which)
    {
        int value = -1;
        std::size_t written = 0;
        OK(cublasLtMatmulAlgoConfigGetAttribute(&algorithm, which, &value, sizeof value, &written));
        SAME(written, 4);
        return value;
    }

    cublasStatus_t run(CUstream stream, CUdeviceptr weight, CUdeviceptr input, CUdeviceptr output, const cublasLtMatmulAlgo_t* algorithm,
                       float beta = 0, CUdeviceptr workspace = 0, std::size_t workspace_bytes = 0)
    {
        const float alpha = 1;
        const auto at = [](CUdeviceptr address) { return reinterpret_cast<void*>(address); };
        return cublasLtMatmul(library, desc, &alpha, at(weight), w, at(input), x, &beta, at(output), y, at(output), y, algorithm, at(workspace),
                              workspace_bytes, stream);
    }
};

void equals_a_plain_loop()
{
    TestDevice one;
    for (const long long rows : {1, 12, 13, 33, 390})
        for (const long long out : {1, 31, 32, 70}) {
            const long long in = 67;
            Linear linear(rows, in, out);
            const std::vector<float> w = random_values(in * out, 1), x = random_values(in * rows, 2), b = random_values(out, 3);
            std::vector<float> before = random_values(out * rows, 4);
            const CUdeviceptr weight = one.upload(w), input = one.upload(x), output = one.upload(before);
            linear.set(CUBLASLT_MATMUL_DESC_EPILOGUE, static_cast<std::uint32_t>(CUBLASLT_EPILOGUE_BIAS));
            linear.set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, one.upload(b));
            const std::vector<cublasLtMatmulHeuristicResult_t> found = linear.heuristic();
            SAME(Linear::config(found[0].algo, CUBLASLT_ALGO_CONFIG_ID), 1);   // 67 floats a row: the only one that takes any alignment
            OK(linear.run(one.stream, weight, input, output, &found[0].algo, 0.5f));
            const std::vector<float> y = one.download(output, out * rows);
            double worst = 0;
            for (long long r = 0; r < rows; r++)
                for (long long o = 0; o < out; o++) {
                    double exact = 0.5 * before[o + r * out] + b[o];
                    for (long long i = 0; i < in; i++) exact += double(x[i + r * in]) * w[i + o * in];
                    const double error = std::fabs(exact - y[o + r * out]);
                    worst = error < worst ? worst : error;   // a NaN gets in
                }
            HOLDS(worst < 1e-5);
        }
    SAME(emu_reports(), 0);
}

void bits_follow_from_the_algorithm()
{
    TestDevice one;
    const long long in = 768, out = 64, most = 400;
    const std::vector<float> w = random_values(in * out, 1), x = random_values(in * most, 2);
    const CUdeviceptr weight = one.upload(w), input = one.upload(x), output = one.allocate(most * out * 4), workspace = one.allocate(1 << 22);
    Linear all(most, in, out);
    all.no_split();
    const std::vector<cublasLtMatmulHeuristicResult_t> found = all.heuristic();
    HOLDS(found.size() >= 3);
    std::vector<std::vector<float>> results;
    for (const cublasLtMatmulHeuristicResult_t& one_of : found) {
        SAME(Linear::config(one_of.algo, CUBLASLT_ALGO_CONFIG_SPLITK_NUM), 1);
        OK(all.run(one.stream, weight, input, output, &one_of.algo));
        results.push_back(one.download(output, most * out));
    }
    // One id, two tiles: the same bits. Another id: others.
    for (std::size_t i = 1; i < found.size(); i++) {
        const bool same_id = Linear::config(found[i].algo, CUBLASLT_ALGO_CONFIG_ID) == Linear::config(found[0].algo, CUBLASLT_ALGO_CONFIG_ID);
        SAME(results[i] == results[0], same_id);
    }
    for (const long long rows : {1, 31, 200}) {
        Linear few(rows, in, out);
        few.no_split();
        cublasLtMatmulHeuristicResult_t checked;
        OK(cublasLtMatmulAlgoCheck(few.library, few.desc, few.w, few.x, few.y, few.y, &found[0].algo, &checked));
        OK(few.run(one.stream, weight, input, output, &found[0].algo));
        const std::vector<float> pinned = one.download(output, rows * out);
        HOLDS(std::equal(pinned.begin(), pinned.end(), results[0].begin()));
        HOLDS(Linear::config(few.heuristic()[0].algo, CUBLASLT_ALGO_CONFIG_ID) != Linear::config(found[0].algo, CUBLASLT_ALGO_CONFIG_ID));
        OK(few.run(one.stream, weight, input, output, nullptr));   // left to itself it takes another for few rows
        const std::vector<float> free = one.download(output, rows * out);
        HOLDS(!std::equal(free.begin(), free.end(), results[0].begin()));

        few.prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, std::uint32_t(CUBLASLT_REDUCTION_SCHEME_MASK));
        const cublasLtMatmulHeuristicResult_t split = few.heuristic()[0];
        HOLDS(Linear::config(split.algo, CUBLASLT_ALGO_CONFIG_SPLITK_NUM) > 1);
        HOLDS(split.workspaceSize > 0);
        SAME(few.run(one.stream, weight, input, output, &split.algo), CUBLAS_STATUS_INVALID_VALUE);   // no workspace
        OK(few.run(one.stream, weight, input, output, &split.algo, 0, workspace, 1 << 22));
    }
    OK(cuStreamSynchronize(one.stream));
}

// Rows of stride 2 C overlap for K = 3 C; even and odd ones, as two products of a batch, do not.
void a_strided_convolution_is_two_products()
{
    TestDevice one;
    const long long channels = 8, out = 16, rows = 6, in = 3 * channels;
    const std::vector<float> x = random_values((2 * rows + 2) * channels, 5), w = random_values(in * out, 6);
    Linear linear(rows / 2, in, out);
    for (cublasLtMatrixLayout_t layout : {linear.w, linear.x, linear.y}) Linear::lay(layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, 2);
    Linear::lay(linear.x, CUBLASLT_MATRIX_LAYOUT_LD, std::int64_t(4 * channels));
    Linear::lay(linear.x, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, std::int64_t(2 * channels));
    Linear::lay(linear.y, CUBLASLT_MATRIX_LAYOUT_LD, std::int64_t(2 * out));
    Linear::lay(linear.y, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, std::int64_t(out));
    const CUdeviceptr output = one.allocate(rows * out * 4);
    OK(linear.run(one.stream, one.upload(w), one.upload(x), output, &linear.heuristic()[0].algo));
    const std::vector<float> y = one.download(output, rows * out);
    for (long long r = 0; r < rows; r++)
        for (long long o = 0; o < out; o++) {
            double exact = 0;
            for (long long i = 0; i < in; i++) exact += double(x[2 * r * channels + i]) * w[i + o * in];
            HOLDS(std::fabs(exact - y[o + r * out]) < 1e-5);
        }
}

// float16 or bfloat16, by their bits: few values, none of them rounded.
std::uint16_t bits_of(float value, cudaDataType type)
{
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    if (type == CUDA_R_16BF) return static_cast<std::uint16_t>(bits >> 16);
    return static_cast<std::uint16_t>(value == 0 ? 0 : (bits >> 16 & 0x8000) | ((bits >> 23 & 0xff) - 112) << 10 | (bits >> 13 & 0x3ff));
}

CUdeviceptr upload_halves(TestDevice& one, const std::vector<float>& values, cudaDataType type)
{
    std::vector<std::uint16_t> halves;
    for (const float value : values) halves.push_back(bits_of(value, type));
    const CUdeviceptr address = one.allocate(halves.size() * 2);
    OK(cuMemcpyHtoDAsync_v2(address, halves.data(), halves.size() * 2, one.stream));
    OK(cuStreamSynchronize(one.stream));   // before the vector goes
    return address;
}

// Sum, C and bias: a result is right only if it is rounded once, at the end.
void half_precision_rounds_once()
{
    const long long in = 64, out = 32, rows = 5;
    for (const cudaDataType type : {CUDA_R_16F, CUDA_R_16BF}) {
        const bool half = type == CUDA_R_16F;
        TestDevice one;
        std::vector<float> w(in * out, 1), x(in * rows, 1);
        for (long long r = 0; r < rows; r++) x[r * in] = 1.5f, x[r * in + 1] = 1.03125f;
        const CUdeviceptr weight = upload_halves(one, w, type), input = upload_halves(one, x, type);
        const float sum = 64.53125f;
        const auto with_bias = [](Linear& linear, CUdeviceptr bias) {
            linear.set(CUBLASLT_MATMUL_DESC_EPILOGUE, static_cast<std::uint32_t>(CUBLASLT_EPILOGUE_BIAS));
            linear.set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
        };

        // The residual stream: float32 C, D and bias.
        Linear wide(rows, in, out, type, CUDA_R_32F);
        with_bias(wide, one.upload(std::vector<float>(out, 0.001953125f)));
        const CUdeviceptr stream = one.upload(std::vector<float>(out * rows, 1000));
        OK(wide.run(one.stream, weight, input, stream, nullptr, 1));
        for (const float value : one.download(stream, out * rows)) SAME(value, 1000 + sum + 0.001953125f);

        // Half D, half bias: 64.5625 in float16, whose steps are 1/16 here; 64.75 in bfloat16, a tie between 64.5 and 65, which is even.
        // Were the sum rounded first, to 64.5, then both would come to 64.5 again.
        Linear narrow(rows, in, out, type, type);
        with_bias(narrow, upload_halves(one, std::vector<float>(out, half ? 0.03125f : 0.21875f), type));
        const CUdeviceptr output = one.allocate(out * rows * 2);
        OK(narrow.run(one.stream, weight, input, output, nullptr));
        std::vector<std::uint16_t> y(out * rows);
        OK(cuMemcpyDtoHAsync_v2(y.data(), output, y.size() * 2, one.stream));
        OK(cuStreamSynchronize(one.stream));
        for (const std::uint16_t value : y) SAME(value, bits_of(half ? 64.5625f : 65, type));
        SAME(emu_reports(), 0);
    }
}

// cuBLASLt's manual, table of supported data types: operands alike; C, D and the bias of one type, float32 or the operands'.
void takes_the_real_ones_types()
{
    TestDevice one;
    const cudaDataType all[] = {CUDA_R_32F, CUDA_R_16F, CUDA_R_16BF};
    for (const cudaDataType a : all)
        for (const cudaDataType b : all)
            for (const cudaDataType c : all)
                for (const cudaDataType d : all)
                    for (const int bias : {-1, static_cast<int>(CUDA_R_32F), static_cast<int>(CUDA_R_16F), static_cast<int>(CUDA_R_16BF)}) {
                        Linear linear(8, 64, 32, b, c);
                        linear.set(CUBLASLT_MATMUL_DESC_COMPUTE_TYPE, static_cast<int>(CUBLAS_COMPUTE_32F));
                        linear.lay(linear.w, CUBLASLT_MATRIX_LAYOUT_TYPE, static_cast<std::uint32_t>(a));
                        linear.set(CUBLASLT_MATMUL_DESC_EPILOGUE, static_cast<std::uint32_t>(CUBLASLT_EPILOGUE_BIAS));
                        linear.set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, bias);
                        cublasLtMatrixLayout_t result = nullptr;
                        OK(cublasLtMatrixLayoutCreate(&result, d, 32, 8, 32));
                        cublasLtMatmulHeuristicResult_t found;
                        int count = 0;
                        const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(linear.library, linear.desc, linear.w, linear.x, linear.y, result, linear.preference, 1, &found, &count);
                        const bool supported = a == b && c == d && (d == CUDA_R_32F || d == a) && (bias == -1 || bias == static_cast<int>(d));
                        SAME(status, supported ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED);
                        SAME(count, supported);
                        OK(cublasLtMatrixLayoutDestroy(result));
                    }
    Linear half(8, 64, 32, CUDA_R_16F, CUDA_R_16F);
    cublasLtMatmulHeuristicResult_t found;
    int count = 0;
    half.set(CUBLASLT_MATMUL_DESC_SCALE_TYPE, static_cast<int>(CUDA_R_16F));   // of the sums in float16
    SAME(cublasLtMatmulAlgoGetHeuristic(half.library, half.desc, half.w, half.x, half.y, half.y, half.preference, 1, &found, &count), CUBLAS_STATUS_NOT_SUPPORTED);
}

// Eight halves are 16 bytes: rows, batches, addresses and the bias at such places take the fast algorithms, others the slow one or none.
void alignment_decides_about_algorithms()
{
    TestDevice one;
    Linear aligned(8, 64, 32, CUDA_R_16F, CUDA_R_16F), odd(8, 66, 32, CUDA_R_16F, CUDA_R_16F);
    SAME(Linear::config(aligned.heuristic()[0].algo, CUBLASLT_ALGO_CONFIG_ID), 21);
    SAME(Linear::config(odd.heuristic()[0].algo, CUBLASLT_ALGO_CONFIG_ID), 1);
    SAME(odd.heuristic().size(), 1);
    const cublasLtMatmulAlgo_t fast = aligned.heuristic()[0].algo;
    cublasLtMatmulHeuristicResult_t checked;
    SAME(cublasLtMatmulAlgoCheck(odd.library, odd.desc, odd.w, odd.x, odd.y, odd.y, &fast, &checked), CUBLAS_STATUS_NOT_SUPPORTED);

    const std::vector<float> ones(64 * 40, 1);
    const CUdeviceptr weight = upload_halves(one, ones, CUDA_R_16F), input = upload_halves(one, ones, CUDA_R_16F), output = one.allocate(8 * 32 * 2 + 16), bias = upload_halves(one, ones, CUDA_R_16F);
    OK(aligned.run(one.stream, weight, input, output, &fast));
    SAME(aligned.run(one.stream, weight + 2, input, output, &fast), CUBLAS_STATUS_INVALID_VALUE);
    SAME(aligned.run(one.stream, weight, input + 8, output, &fast), CUBLAS_STATUS_INVALID_VALUE);
    SAME(aligned.run(one.stream, weight, input, output + 4, &fast), CUBLAS_STATUS_INVALID_VALUE);
    aligned.set(CUBLASLT_MATMUL_DESC_EPILOGUE, static_cast<std::uint32_t>(CUBLASLT_EPILOGUE_BIAS));
    aligned.set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
    OK(aligned.run(one.stream, weight, input, output, &fast));
    aligned.set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias + 2);
    SAME(aligned.run(one.stream, weight, input, output, &fast), CUBLAS_STATUS_INVALID_VALUE);

    // Who says that D may lie anywhere gets what can write it anywhere.
    aligned.prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, std::uint32_t(2));
    const std::vector<cublasLtMatmulHeuristicResult_t> found = aligned.heuristic();
    SAME(found.size(), 1);
    OK(aligned.run(one.stream, weight, input, output + 2, &found[0].algo));
    OK(cuStreamSynchronize(one.stream));
    SAME(emu_reports(), 0);
}

void refuses_what_the_real_one_refuses()
{
    TestDevice one;
    Linear linear(8, 64, 32);
    const CUdeviceptr weight = one.upload(random_values(64 * 32, 1)), input = one.upload(random_values(64 * 8, 2)), output = one.allocate(8 * 32 * 4);
    const cublasLtMatmulAlgo_t algorithm = linear.heuristic()[1].algo;
    const auto run = [&](CUdeviceptr to = 0) { return linear.run(one.stream, weight, input, to ? to : output, &algorithm); };

    const std::uint32_t word = 1;
    SAME(cublasLtMatmulDescSetAttribute(linear.desc, CUBLASLT_MATMUL_DESC_TRANSA, &word, 8), CUBLAS_STATUS_INVALID_VALUE);
    const auto old = static_cast<cublasLtMatmulPreferenceAttributes_t>(2);   // MATH_MODE_MASK, of CUDA 11
    SAME(cublasLtMatmulPreferenceSetAttribute(linear.preference, old, &word, 4), CUBLAS_STATUS_INVALID_VALUE);
    SAME(cublasLtMatrixLayoutDestroy(reinterpret_cast<cublasLtMatrixLayout_t>(0x1234)), CUBLAS_STATUS_INVALID_VALUE);
    SAME(run(output + 2), CUBLAS_STATUS_INVALID_VALUE);
    linear.lay(linear.w, CUBLASLT_MATRIX_LAYOUT_LD, std::int64_t(63));
    SAME(run(), CUBLAS_STATUS_INVALID_VALUE);
    linear.lay(linear.w, CUBLASLT_MATRIX_LAYOUT_LD, std::int64_t(64));
    linear.lay(linear.y, CUBLASLT_MATRIX_LAYOUT_COLS, std::uint64_t(0));
    SAME(run(), CUBLAS_STATUS_INVALID_VALUE);
    linear.lay(linear.y, CUBLASLT_MATRIX_LAYOUT_COLS, std::uint64_t(8));
    linear.set(CUBLASLT_MATMUL_DESC_EPILOGUE, static_cast<std::uint32_t>(CUBLASLT_EPILOGUE_BIAS));
    SAME(run(), CUBLAS_STATUS_INVALID_VALUE);   // no bias
    linear.set(CUBLASLT_MATMUL_DESC_EPILOGUE, static_cast<std::uint32_t>(36));
    SAME(run(), CUBLAS_STATUS_NOT_SUPPORTED);   // GELU would be the tanh form
    linear.set(CUBLASLT_MATMUL_DESC_EPILOGUE, static_cast<std::uint32_t>(CUBLASLT_EPILOGUE_DEFAULT));
    linear.set(CUBLASLT_MATMUL_DESC_COMPUTE_TYPE, static_cast<int>(CUBLAS_COMPUTE_32F_FAST_TF32));
    SAME(run(), CUBLAS_STATUS_NOT_SUPPORTED);
    linear.set(CUBLASLT_MATMUL_DESC_COMPUTE_TYPE, static_cast<int>(CUBLAS_COMPUTE_32F));
    cublasLtMatmulAlgo_t forged = algorithm;
    forged.data[1] ^= 1;
    SAME(linear.run(one.stream, weight, input, output, &forged), CUBLAS_STATUS_INVALID_VALUE);
    emu_fail(4, 1, 0, CUBLAS_STATUS_INTERNAL_ERROR);
    SAME(run(), CUBLAS_STATUS_INTERNAL_ERROR);
    OK(run());
    OK(cuStreamSynchronize(one.stream));
    SAME(emu_reports(), 0);
    linear.lay(linear.w, CUBLASLT_MATRIX_LAYOUT_LD, std::int64_t(68));   // runs past the weight's end
    SAME(run(), CUBLAS_STATUS_EXECUTION_FAILED);
    SAME(emu_reports(), 1);
    SAME(cuStreamSynchronize(one.stream), CUDA_ERROR_ILLEGAL_ADDRESS);
}

void unwritten_rows_stay_unwritten()
{
    TestDevice one;
    const long long in = 64, out = 32, rows = 4;
    Linear linear(rows, in, out), next(rows, out, in);
    const std::vector<float> w = random_values(in * out, 1), x = random_values(in * 3, 2);
    const CUdeviceptr weight = one.upload(w), input = one.allocate(in * rows * 4), middle = one.allocate(out * rows * 4), output = one.allocate(in * rows * 4);
    OK(cuMemcpyHtoDAsync_v2(input, x.data(), x.size() * 4, one.stream));   // three rows of the four
    OK(cuMemsetD32Async(middle, 0, out * rows, one.stream));
    OK(linear.run(one.stream, weight, input, middle, nullptr));
    OK(next.run(one.stream, weight, middle, output, nullptr));
    const std::vector<float> y = one.download(output, in * rows);
    HOLDS(!std::isnan(y[in * 3 - 1]));
    HOLDS(std::isnan(y[in * 3]) && std::isnan(y[in * 4 - 1]));
    SAME(emu_reports(), 0);
    linear.set(CUBLASLT_MATMUL_DESC_EPILOGUE, static_cast<std::uint32_t>(CUBLASLT_EPILOGUE_BIAS));
    linear.set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, middle + 2 * out * 4);
    OK(linear.run(one.stream, weight, input, one.allocate(out * rows * 4), nullptr));
    OK(cuStreamSynchronize(one.stream));
    linear.set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, middle + 3 * out * 4);   // filled once, but the product left this row unwritten
    OK(linear.run(one.stream, weight, input, one.allocate(out * rows * 4), nullptr));
    SAME(cuStreamSynchronize(one.stream), CUDA_ERROR_LAUNCH_FAILED);
    SAME(emu_reports(), 1);
}

void is_fast_enough()
{
    TestDevice one;
    const long long in = 768, out = 3072, rows = 1000;
    Linear linear(rows, in, out);
    linear.no_split();
    const CUdeviceptr weight = one.upload(random_values(in * out, 1)), input = one.upload(random_values(in * rows, 2)), output = one.allocate(out * rows * 4);
    OK(cuStreamSynchronize(one.stream));
    const auto start = std::chrono::steady_clock::now();
    OK(linear.run(one.stream, weight, input, output, nullptr));
    OK(cuStreamSynchronize(one.stream));
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::printf("cublaslt_test: %lld x %lld x %lld at %.0f GFLOP/s\n", out, rows, in, 2e-9 * in * out * rows / seconds);
}

}  // namespace

int main()
{
    equals_a_plain_loop();
    bits_follow_from_the_algorithm();
    a_strided_convolution_is_two_products();
    half_precision_rounds_once();
    takes_the_real_ones_types();
    alignment_decides_about_algorithms();
    refuses_what_the_real_one_refuses();
    unwritten_rows_stay_unwritten();
    is_fast_enough();
    std::printf("cublaslt_test: %d checks, %d failed\n", checks, failures);
    return failures != 0;
}
