// Kernels with a known flaw each must be caught, and their mended twins must not: FLAW is 1 in the one and 0 in the other.
// One line a case; the exit code says whether all went well. `self_test time` prints what accesses and switches cost.
#include <cstring>
#include <ctime>
#include <thread>
#include <unistd.h>

#include "self_test_device.h"
#include "self_test_races.h"

namespace
{

struct Case
{
    const char* name;
    const char* source;
    std::vector<const char*> words;   // all in one report on the flawed kernel
    emu::Outcome outcome = emu::Outcome::launch_failure;
    unsigned blocks = 1, threads = 64;
    size_t dynamic_shared = 0;
};

#define KERNEL "extern \"C\" __global__ void kernel(const float* x, float* y, int n) "

// Rows of 16 bytes that all lanes may name.
#define LDMATRIX "#define TILE __shared__ uint4 tile[64]; tile[threadIdx.x] = uint4(); __syncthreads();\n" KERNEL

constexpr auto Illegal = emu::Outcome::illegal_address;
constexpr auto Misaligned = emu::Outcome::misaligned_address;
constexpr auto Failure = emu::Outcome::launch_failure;

const std::vector<Case> cases = {
    {"missing barrier, shared memory", KERNEL R"({
    __shared__ float tile[64];
    tile[threadIdx.x] = x[threadIdx.x];
    if (!FLAW) __syncthreads();
    y[threadIdx.x] = tile[63 - threadIdx.x] + 1;
})", {"race", "test.cu:5", "kernel kernel", "static shared"}},
    {"missing barrier, memory that is used again", KERNEL R"({
    __shared__ float sum;
    for (int i = 0; i < 3; i++) {
        if (threadIdx.x == 0) sum = x[i];
        __syncthreads();
        y[threadIdx.x] = sum;
        if (!FLAW) __syncthreads();
    }
})", {"race", "test.cu:4", "read by", "several threads"}},
    {"missing barrier, global memory", KERNEL R"({
    y[threadIdx.x] = x[threadIdx.x];
    if (!FLAW) __syncthreads();
    float v = y[63 - threadIdx.x];
    __syncthreads();
    y[threadIdx.x] = v;
})", {"race", "test.cu:4", "of an allocation of 1024 bytes"}},
    {"missing __syncwarp", KERNEL R"({
    __shared__ float tile[2][32];
    tile[threadIdx.x / 32][threadIdx.x % 32] = x[threadIdx.x];
    if (!FLAW) __syncwarp();
    y[threadIdx.x] = tile[threadIdx.x / 32][31 - threadIdx.x % 32];
})", {"race", "test.cu:5"}},
    {"__syncwarp in place of a barrier", KERNEL R"({
    __shared__ float tile[64];
    tile[threadIdx.x] = x[threadIdx.x];
    if (FLAW) __syncwarp(); else __syncthreads();
    y[threadIdx.x] = tile[63 - threadIdx.x];
})", {"race", "test.cu:5"}},
    {"a mask without the lane that wrote", KERNEL R"({
    __shared__ float tile[64];
    const int lane = threadIdx.x % 32;
    tile[threadIdx.x] = x[threadIdx.x];
    __syncwarp(FLAW ? (lane < 16 ? 0x0000ffff : 0xffff0000) : (lane & 1 ? 0xaaaaaaaa : 0x55555555));
    y[threadIdx.x] = tile[threadIdx.x ^ 16];
})", {"race", "test.cu:6"}},
    {"two threads on one half", KERNEL R"({
    __shared__ unsigned short tile[64];
    tile[FLAW ? threadIdx.x / 2 : threadIdx.x] = 1;
    __syncthreads();
    y[threadIdx.x] = tile[threadIdx.x / 2];
})", {"race", "writes what thread 0 wrote", "test.cu:3"}},
    {"two blocks on one word", KERNEL R"({
    y[FLAW ? threadIdx.x : blockIdx.x * 64 + threadIdx.x] = x[threadIdx.x];
})", {"race", "of block 0", "test.cu:2", "block 1"}, Failure, 2},
    {"a block reads what another writes", KERNEL R"({
    if (blockIdx.x == 0) y[threadIdx.x] = 1;
    else y[64 + threadIdx.x] = FLAW ? y[threadIdx.x] : x[threadIdx.x];
})", {"race", "reads what thread", "of block 0", "test.cu:3"}, Failure, 2},
    {"a block writes what others have read", KERNEL R"({
    float* z = const_cast<float*>(x);
    if (blockIdx.x < 3) y[blockIdx.x * 64 + threadIdx.x] = x[threadIdx.x];
    else z[threadIdx.x + (FLAW ? 0 : 64)] = 1;
})", {"race", "writes what was read", "test.cu:4"}, Failure, 4},
    {"read out of bounds", KERNEL R"({
    y[threadIdx.x] = x[threadIdx.x + (FLAW ? 256 : 0)];
})", {"illegal read of 4 bytes", "test.cu:2", "thread 0"}, Illegal},
    {"write out of bounds", KERNEL R"({
    y[threadIdx.x + (FLAW && threadIdx.x == 63 ? 193 : 0)] = 1;
})", {"illegal write of 4 bytes", "test.cu:2", "thread 63"}, Illegal},
    {"write beyond dynamic shared memory", R"(extern __shared__ float4 shared[];
)" KERNEL R"({
    shared[threadIdx.x + FLAW] = float4();
    y[threadIdx.x] = reinterpret_cast<float*>(&shared[threadIdx.x + FLAW])[2];
})", {"illegal write", "test.cu:3", "thread 63", "byte 1024 of dynamic shared memory"}, Illegal, 1, 64, 1024},
    {"pointer into nowhere", KERNEL R"({
    if (FLAW) x = reinterpret_cast<const float*>(64);
    y[threadIdx.x] = x[threadIdx.x];
})", {"illegal read", "test.cu:3"}, Illegal},
    {"global memory read before it was written", KERNEL R"({
    if (!FLAW) y[threadIdx.x + 64] = 1;
    y[threadIdx.x] = y[threadIdx.x + 64] + 1;
})", {"never written", "test.cu:3"}},
    {"shared memory read before it was written", KERNEL R"({
    __shared__ float tile[65];
    if (threadIdx.x > 0 || blockIdx.x == 0 || !FLAW) tile[threadIdx.x] = 1;
    __syncthreads();
    y[blockIdx.x * 64 + threadIdx.x] = tile[threadIdx.x / 2];
})", {"block 1: thread 0 reads what was never written", "test.cu:5", "byte 0 of static shared"}, Failure, 2},
    {"a load that only some threads do, in a loop", KERNEL R"({
    __shared__ float first;
    float v = 0;
    if (threadIdx.x == 0) first = 1;
    for (int i = 0; i < n / 128; i++)
        if (threadIdx.x == 0 || (FLAW && i == 1)) v += first;
    y[threadIdx.x] = v;
})", {"test.cu:6", "race"}},
    {"misaligned float4", KERNEL R"({
    if (threadIdx.x > 0) return;
    float4 v = *reinterpret_cast<const float4*>(x + FLAW);
    y[0] = v.x + v.w;
})", {"misaligned", "float4", "test.cu:3"}, Misaligned},
    {"misaligned store of a float2", KERNEL R"({
    *reinterpret_cast<float2*>(y + 2 * threadIdx.x + FLAW) = make_float2(1, 2);
})", {"misaligned", "float2", "test.cu:2"}, Misaligned},
    {"an aligned array in shared memory", KERNEL R"({
    __shared__ char one;
    __shared__ alignas(16) float tile[64];
    one = 1;
    tile[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    const float4 v = *reinterpret_cast<float4*>(&tile[4 * (threadIdx.x / 4) + FLAW]);
    y[threadIdx.x] = v.x + one;
})", {"misaligned", "float4", "test.cu:7"}, Misaligned},
    {"a barrier that some threads do not reach", KERNEL R"({
    if (threadIdx.x >= 48 && FLAW) return;
    __syncthreads();
    y[threadIdx.x] = 1;
})", {"thread 0 waits at the barrier test.cu:3", "thread 48 has ended"}},
    {"two barriers for one", KERNEL R"({
    if (threadIdx.x < 32 || !FLAW) __syncthreads();
    else __syncthreads();
    y[threadIdx.x] = 1;
})", {"barrier test.cu:3", "test.cu:2"}},
    {"a shuffle without all lanes", KERNEL R"({
    float v = x[threadIdx.x];
    if (threadIdx.x != 5 || !FLAW) v += __shfl_xor_sync(0xffffffff, v, 1);
    y[threadIdx.x] = v;
})", {"thread 0 waits in the exchange test.cu:3", "thread 5 has ended"}},
    {"a shuffle outside its mask", KERNEL R"({
    y[threadIdx.x] = __shfl_down_sync(FLAW ? 0x0000ffff : 0xffffffff, x[threadIdx.x], 1);
})", {"thread 16 is not in its own mask at test.cu:2"}},
    {"a shuffle from a lane outside the mask", KERNEL R"({
    if (threadIdx.x < 16) y[threadIdx.x] = __shfl_sync(0x0000ffff, x[threadIdx.x], FLAW ? 16 : 15);
})", {"thread 0 reads lane 16", "test.cu:2"}},
    {"cp.async without a wait", R"(extern __shared__ float4 shared[];
)" KERNEL R"({
    emu_copy_async16(&shared[threadIdx.x], x + 4 * threadIdx.x);
    emu_copy_async_commit();
    emu_copy_async_wait(FLAW);
    y[threadIdx.x] = shared[threadIdx.x].y;
})", {"cp.async is still under way", "test.cu:6", "dynamic shared"}, Failure, 1, 64, 1024},
    {"cp.async without a barrier", R"(extern __shared__ float4 shared[];
)" KERNEL R"({
    emu_copy_async16(&shared[threadIdx.x], x + 4 * threadIdx.x);
    emu_copy_async_commit();
    emu_copy_async_wait(0);
    if (!FLAW) __syncthreads();
    y[threadIdx.x] = shared[63 - threadIdx.x].y;
})", {"race", "test.cu:7"}, Failure, 1, 64, 1024},
    {"misaligned cp.async", R"(extern __shared__ float4 shared[];
)" KERNEL R"({
    emu_copy_async16(&shared[threadIdx.x], x + FLAW);
    emu_copy_async_commit();
    emu_copy_async_wait(0);
    y[threadIdx.x] = shared[threadIdx.x].y;
})", {"misaligned", "source of a cp.async", "test.cu:3"}, Misaligned, 1, 64, 1024},
    {"an ldmatrix without all lanes", LDMATRIX R"({
    TILE
    unsigned r[4] = {};
    if (threadIdx.x % 32 < 24 || !FLAW) emu_load_matrix_x4(r, tile + threadIdx.x);
    y[threadIdx.x] = r[0] + r[3];
})", {"thread 0 waits in the exchange test.cu:5", "thread 24 has ended"}},
    {"an ldmatrix at two places", LDMATRIX R"({
    TILE
    unsigned r[4];
    if (threadIdx.x % 2 || !FLAW) emu_load_matrix_x4_transposed(r, tile + threadIdx.x);
    else emu_load_matrix_x4_transposed(r, tile + threadIdx.x);
    y[threadIdx.x] = r[0] + r[3];
})", {"thread 0 waits in the exchange test.cu:6", "thread 1 waits in the exchange test.cu:5"}},
    {"a misaligned row of an ldmatrix", LDMATRIX R"({
    TILE
    unsigned r[4];
    emu_load_matrix_x4(r, reinterpret_cast<const char*>(tile + threadIdx.x / 2) + 8 * FLAW);
    y[threadIdx.x] = r[0] + r[3];
})", {"misaligned", "row of an ldmatrix", "test.cu:5"}, Misaligned},
    {"an ldmatrix of what was never written", LDMATRIX R"({
    __shared__ uint4 tile[64];
    if (threadIdx.x != 9 || !FLAW) tile[threadIdx.x] = uint4();
    __syncthreads();
    unsigned r[4];
    emu_load_matrix_x4_transposed(r, tile + threadIdx.x);
    y[threadIdx.x] = r[0] + r[3];
})", {"thread 9 reads what was never written", "test.cu:7", "static shared"}},
    {"an ldmatrix of global memory", LDMATRIX R"({
    TILE
    unsigned r[4];
    emu_load_matrix_x4(r, FLAW ? reinterpret_cast<const uint4*>(x) + threadIdx.x : tile + threadIdx.x);
    y[threadIdx.x] = r[0] + r[3];
})", {"illegal ldmatrix", "test.cu:5"}, Illegal},
    {"an ldmatrix beyond shared memory", LDMATRIX R"({
    TILE
    unsigned r[4];
    emu_load_matrix_x4(r, tile + threadIdx.x + FLAW);
    y[threadIdx.x] = r[0] + r[3];
})", {"thread 63", "illegal ldmatrix of 16 bytes", "test.cu:5"}, Illegal},
    {"an ldmatrix of what another lane has just written", LDMATRIX R"({
    __shared__ uint4 tile[64];
    tile[threadIdx.x ^ 1] = uint4();
    if (!FLAW) __syncwarp();
    unsigned r[4];
    emu_load_matrix_x4(r, tile + threadIdx.x);
    y[threadIdx.x] = r[0] + r[3];
})", {"race", "reads what thread", "test.cu:7"}},
    {"an mma without all lanes", KERNEL R"({
    const unsigned a[4] = {};
    float d[4] = {};
    if (threadIdx.x != 40 || !FLAW) emu_multiply_add<emu_half_value>(d, a, 0, 0);
    y[threadIdx.x] = d[0];
})", {"thread 32 waits in the exchange test.cu:4", "thread 40 has ended"}},
    {"an mma at two places", KERNEL R"({
    const unsigned a[4] = {};
    float d[4] = {};
    if (threadIdx.x % 32 < 16 || !FLAW) emu_multiply_add<emu_bfloat_value>(d, a, 0, 0);
    else emu_multiply_add<emu_bfloat_value>(d, a, 0, 0);
    y[threadIdx.x] = d[0];
})", {"thread 0 waits in the exchange test.cu:4", "thread 16 waits in the exchange test.cu:5"}},
    {"a flaw in a header", R"(#include "common/test.cuh"
)" KERNEL R"({
    y[threadIdx.x] = reversed(x[threadIdx.x]);
})", {"race", "common/test.cuh:6"}},
};

// A template, so that its array is one of those that g++ would share between programs.
const char* header = R"(
template <class T> __device__ __forceinline__ T reversed(T value) {
    __shared__ T tile[64];
    tile[threadIdx.x] = value;
    if (!FLAW) __syncthreads();
    return tile[63 - threadIdx.x];
}
)";

bool says(const std::vector<std::string>& reports, const std::vector<const char*>& words)
{
    for (const std::string& report : reports)
    {
        bool all = true;
        for (const char* word : words) all = all && report.find(word) != std::string::npos;
        if (all) return true;
    }
    return false;
}

std::vector<std::string> run_case(const Case& c, const char* flaw, emu::Outcome& outcome)
{
    auto module = load(build(c.source, {flaw}, header));
    Floats x(256, 3), y(256);
    emu::clear_reports();
    outcome = run(*module, {x.address, y.address, 256}, {c.blocks}, {c.threads}, c.dynamic_shared);
    return emu::reports();
}

int failures = 0;

void check(const std::string& name, bool good, const std::vector<std::string>& reports)
{
    printf("%s  %s\n", good ? "ok  " : "FAIL", name.c_str());
    if (!good) failures++;
    if (!good)
        for (const std::string& report : reports) printf("        %s\n", report.c_str());
}

void check_cases()
{
    for (const Case& c : cases)
        for (bool early : {false, true})
        {
            emu::settings.copy_async_early = early;
            if (early && !strstr(c.source, "emu_copy")) continue;
            std::string name = std::string(c.name) + (early ? ", early" : "");
            emu::Outcome outcome;
            auto reports = run_case(c, "-DFLAW=1", outcome);
            check(name, outcome == c.outcome && says(reports, c.words), reports);
            reports = run_case(c, "-DFLAW=0", outcome);
            check(name + ", mended", outcome == emu::Outcome::ok && reports.empty(), reports);
        }
    emu::reset_settings();
}

void check_skipped_barrier()
{
    emu::settings.skip_barrier_file = "test.cu";
    emu::settings.skip_barrier_line = 4;
    emu::Outcome outcome;
    auto reports = run_case(cases[0], "-DFLAW=0", outcome);
    emu::reset_settings();
    check("a barrier taken out", outcome == Failure && says(reports, {"race", "test.cu:5"}), reports);
}

void check_compiler()
{
    std::string source = KERNEL "{ y[0] = " + std::to_string(getpid()) + "; }";
    Built both[2];
    long long before = emu::compiles();
    std::thread other([&] { both[0] = build(source, {}); });
    both[1] = build(source, {});
    other.join();
    check("two threads compile the same", both[0].result == 0 && both[0].cubin == both[1].cubin && emu::compiles() - before <= 2, {both[0].log, both[1].log});
    before = emu::compiles();
    check("a kept program is not compiled again", build(source, {}).cubin == both[0].cubin && emu::compiles() == before, {});

    Built wrong = build("\n" KERNEL "{\n    y[0] = undeclared;\n}", {});
    check("a compiler's message names file and line", wrong.result == 6 && wrong.log.find("test.cu:3:") != std::string::npos, {wrong.log});
    Built missing = build("#include <cmath>\n" KERNEL "{}", {});
    check("standard headers are not there", missing.result == 6 && missing.log.find("test.cu:1:") != std::string::npos, {missing.log});
    Built big = build("extern \"C\" __global__ void f(float* y) { __shared__ float t[12289]; t[threadIdx.x] = 1; y[0] = t[0]; }", {});
    check("more than 48 KB of static shared memory", big.result == 6 && big.log.find("'f' uses too much shared data (0xc004 bytes, 0xc000 max)") != std::string::npos, {big.log});
    auto two = load(build("template <class T> __device__ T f(T v) { __shared__ T t[2]; t[threadIdx.x] = v; __syncthreads(); return t[0]; }\n"
                          "extern \"C\" __global__ void a(float* y) { __shared__ float t[4]; t[0] = f(1.0f); y[0] = t[0]; }\n"
                          "extern \"C\" __global__ void b(double* y) { __shared__ double t[4], u; t[0] = u = 1; y[0] = t[0] + u; }", {}));
    check("shared bytes of each kernel", two->find("a")->static_shared_bytes == 24 && two->find("b")->static_shared_bytes == 48, {});
    check("an unknown option is refused", build(KERNEL "{}", {"--no-such-option"}).result == 5, {});
    Built clean = build("extern \"C\" __global__ void f(float* y) { for (int i = 0; i < 4; i++)\n#pragma unroll\nfor (int k = 0; k < 2; k++) y[i] = k; }", {});
    check("nothing to say about a clean program", clean.result == 0 && strlen(clean.log.c_str()) == 0, {clean.log});
    auto module = load(build("struct Row { float* at; long long n; };\nextern \"C\" __global__ void __launch_bounds__(32 * WARPS, 2) f(char a, Row row, float e) { __shared__ float t[8]; t[a] = e; row.at[0] = t[a]; }", {"-DWARPS=3"}));
    const emu::Kernel& f = module->kernels.at(0);
    check("arguments, bounds and shared bytes", f.arguments.size() == 3 && f.arguments[1].offset == 8 && f.arguments[1].bytes == 16 && f.arguments[2].offset == 24
          && f.packed_bytes == 28 && f.max_threads == 96 && f.static_shared_bytes == 32 && !f.takes_dynamic_shared, {});
}

void check_random_programs()
{
    for (const char* word : {"-DWORD=int", "-DWORD=short"})
    {
        const RaceAgreement a = compare_with_vector_clocks(word, 150);
        check("random programs, " + std::string(word + 2) + ": " + std::to_string(a.races) + " with races, " + std::to_string(a.clean) + " without",
              a.races > 20 && a.clean > 20 && a.missed == 0 && a.invented == 0 && a.others == 0,
              {std::to_string(a.missed) + " missed, " + std::to_string(a.invented) + " invented, " + std::to_string(a.others) + " other reports"});
    }
}

double seconds_of(const char* source, const char* option, unsigned blocks, unsigned threads, bool instrumented)
{
    emu::settings.instrumented = instrumented;
    auto module = load(build(source, {option}));
    emu::reset_settings();
    Floats x(1 << 20, 3), y(1 << 20);
    Arguments arguments{x.address, y.address, 1 << 20};
    run(*module, arguments, {blocks}, {threads}, 0);
    clock_t begin = clock();   // processor time: others may use this machine
    run(*module, arguments, {blocks}, {threads}, 0);
    return double(clock() - begin) / CLOCKS_PER_SEC;
}

void print_times()
{
    const char* add = KERNEL "{ int i = blockIdx.x * 256 + threadIdx.x; y[i] = x[i] + 1; }";
    const char* sum = KERNEL "{ float v = 0; for (int i = threadIdx.x; i < n; i += 256) v += x[i]; y[blockIdx.x * 256 + threadIdx.x] = v; }";
    const char* tile = KERNEL "{ __shared__ float t[256]; t[threadIdx.x] = 1; __syncthreads(); float v = 0;\n"
                              "for (int k = 0; k < 16; k++) for (int i = 0; i < 256; i++) v += t[i]; y[blockIdx.x * 256 + threadIdx.x] = v; }";
    const char* vectors = KERNEL "{ float v = 0; for (int i = threadIdx.x; i < n / 4; i += 256) v += reinterpret_cast<const float4*>(x)[i].x; y[blockIdx.x * 256 + threadIdx.x] = v; }";
    const char* barriers = KERNEL "{ for (int i = 0; i < 1000; i++) __syncthreads(); }";
    const char* shuffles = KERNEL "{ float v = 1; for (int i = 0; i < 1000; i++) v += __shfl_xor_sync(0xffffffff, v, 1); y[blockIdx.x * 256 + threadIdx.x] = v; }";
    for (bool hooks : {true, false})
    {
        printf("%s\n", hooks ? "with access hooks" : "without");
        printf("  global read and write   %6.2f ns an access\n", seconds_of(add, "-w", 4096, 256, hooks) * 1e9 / (2 << 20));
        printf("  global read             %6.2f ns an access\n", seconds_of(sum, "-w", 16, 256, hooks) * 1e9 / (16 << 20));
        printf("  global read of a float4 %6.2f ns an access\n", seconds_of(vectors, "-w", 16, 256, hooks) * 1e9 / (4 << 20));
        printf("  shared read             %6.2f ns an access\n", seconds_of(tile, "-w", 16, 256, hooks) * 1e9 / (16 << 20));
        printf("  barrier                 %6.2f ns a thread\n", seconds_of(barriers, "-w", 16, 256, hooks) * 1e9 / (16 * 256 * 1000));
        printf("  shuffle                 %6.2f ns a thread\n", seconds_of(shuffles, "-w", 16, 256, hooks) * 1e9 / (16 * 256 * 1000));
    }
}

}

int main(int argc, char** argv)
{
    if (argc > 1 && strcmp(argv[1], "time") == 0)
    {
        print_times();
        return 0;
    }
    check_cases();
    check_skipped_barrier();
    check_compiler();
    check_random_programs();
    printf("%lld programs compiled in %.1f s, %lld reused; %d failures\n", emu::compiles(), emu::compile_seconds(), emu::compiles_reused(), failures);
    return failures == 0 ? 0 : 1;
}
