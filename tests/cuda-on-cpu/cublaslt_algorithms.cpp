// What cuBLASLt chooses: which problems it takes, its algorithms, and the heuristic that prefers another one for few rows.
// "Rows" are the engine's, which are the columns of a column-major D.
#include <algorithm>
#include <cstring>

#include "cublaslt.h"

namespace emu {
namespace {

// Bits follow from the id (and from the split), never from the tile.
struct Kind { int id, alignment; SumOrder order; };
constexpr int WIDE = 20, NARROW = 21, ANY = 1, SPLIT = 23;
constexpr Kind kinds[] = {{WIDE, 16, {256, false, 1}}, {NARROW, 16, {128, true, 1}}, {ANY, 2, {64, false, 1}}, {SPLIT, 16, {64, true, 1}}};

const Kind* find_kind(int id)
{
    const Kind* const found = std::find_if(std::begin(kinds), std::end(kinds), [id](const Kind& kind) { return kind.id == id; });
    return found == std::end(kinds) ? nullptr : found;
}

// Tile ids of the real library, and its stages.
enum : int { TILE_32x32 = 11, TILE_64x64 = 15, TILE_64x128 = 17, TILE_128x128 = 20, STAGES_16x4 = 6, STAGES_32x3 = 9 };
int tile_rows(int tile) { return tile == TILE_32x32 ? 32 : tile == TILE_128x128 ? 128 : 64; }
int tile_columns(int tile) { return tile == TILE_32x32 ? 32 : tile == TILE_64x64 ? 64 : 128; }

constexpr std::uint64_t MARK = 0x656d756c61746564;   // "emulated"
std::uint64_t seal(const cublasLtMatmulAlgo_t& packed)
{
    std::uint64_t sum = MARK;
    for (int i = 0; i < 7; i++) sum = (sum ^ packed.data[i]) * 0x100000001b3;
    return sum;
}

cublasLtMatmulAlgo_t encode(const Algorithm& algorithm)
{
    cublasLtMatmulAlgo_t packed = {};
    packed.data[0] = MARK;
    const int fields[] = {algorithm.id, algorithm.tile, algorithm.stages, algorithm.split, algorithm.scheme};
    std::memcpy(packed.data + 1, fields, sizeof fields);
    packed.data[7] = seal(packed);
    return packed;
}

float waves(const Algorithm& algorithm, const Problem& problem)
{
    const long long blocks = (problem.m + tile_rows(algorithm.tile) - 1) / tile_rows(algorithm.tile) *
                             ((problem.n + tile_columns(algorithm.tile) - 1) / tile_columns(algorithm.tile)) * problem.d.batch * algorithm.split;
    return static_cast<float>(blocks) / 108;
}

cublasStatus_t check_types(const Problem& p)
{
    const cudaDataType in = p.a.element(), out = p.d.element();
    const bool computes = p.desc.compute == CUBLAS_COMPUTE_32F || p.desc.compute == CUBLAS_COMPUTE_32F_PEDANTIC;
    const bool known = element_size(in) && p.b.element() == in && p.c.element() == out && (out == CUDA_R_32F || out == in);
    const bool column_major = p.a.order == CUBLASLT_ORDER_COL && p.b.order == CUBLASLT_ORDER_COL && p.c.order == CUBLASLT_ORDER_COL &&
                              p.d.order == CUBLASLT_ORDER_COL;
    const bool epilogue = p.desc.epilogue == CUBLASLT_EPILOGUE_DEFAULT ||
                          (p.desc.epilogue == CUBLASLT_EPILOGUE_BIAS && (p.desc.bias_type == -1 || p.desc.bias_type == out));
    const bool supported = computes && known && column_major && epilogue && p.desc.scale == CUDA_R_32F &&
                           p.desc.pointer_mode == CUBLASLT_POINTER_MODE_HOST && p.desc.transpose_c == CUBLAS_OP_N;
    return supported ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

bool sound(const MatrixLayout& layout, int batch, bool written)
{
    return layout.rows > 0 && layout.columns > 0 && layout.ld >= static_cast<std::int64_t>(layout.rows) && layout.batch == batch && batch > 0 &&
           layout.stride >= 0 && !(written && batch > 1 && layout.stride == 0);
}

bool multiple(const MatrixLayout& layout, int alignment)
{
    const long long size = element_size(layout.element());
    return layout.ld * size % alignment == 0 && (layout.batch == 1 || layout.stride * size % alignment == 0);
}

}  // namespace

cublasStatus_t make_problem(cublasLtMatmulDesc_t desc, cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c,
                            cublasLtMatrixLayout_t d, Problem& p)
{
    const CublasLtTables& tables = cublaslt();
    const std::shared_ptr<MatmulDesc> of = tables.descs.find(desc);
    const std::shared_ptr<MatrixLayout> layouts[] = {tables.layouts.find(a), tables.layouts.find(b), tables.layouts.find(c), tables.layouts.find(d)};
    if (!of || !layouts[0] || !layouts[1] || !layouts[2] || !layouts[3]) return CUBLAS_STATUS_INVALID_VALUE;
    p.desc = *of;
    p.a = *layouts[0];
    p.b = *layouts[1];
    p.c = *layouts[2];
    p.d = *layouts[3];
    for (const int op : {p.desc.transpose_a, p.desc.transpose_b})
        if (op < CUBLAS_OP_N || op > CUBLAS_OP_C) return CUBLAS_STATUS_INVALID_VALUE;
    if (!sound(p.a, p.d.batch, false) || !sound(p.b, p.d.batch, false) || !sound(p.c, p.d.batch, false) || !sound(p.d, p.d.batch, true))
        return CUBLAS_STATUS_INVALID_VALUE;
    if (const cublasStatus_t refused = check_types(p)) return refused;
    const bool ta = p.desc.transpose_a != CUBLAS_OP_N, tb = p.desc.transpose_b != CUBLAS_OP_N;
    p.m = static_cast<long long>(p.d.rows);
    p.n = static_cast<long long>(p.d.columns);
    p.k = static_cast<long long>(ta ? p.a.rows : p.a.columns);
    const bool fits = static_cast<long long>(ta ? p.a.columns : p.a.rows) == p.m && static_cast<long long>(tb ? p.b.columns : p.b.rows) == p.k &&
                      static_cast<long long>(tb ? p.b.rows : p.b.columns) == p.n && p.c.rows == p.d.rows && p.c.columns == p.d.columns;
    return fits ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}

std::vector<Algorithm> choose(const Problem& problem, const Preference& preference)
{
    const long long rows = problem.n;
    const Algorithm wide = {WIDE, TILE_128x128, STAGES_32x3, 1, 0}, slim = {WIDE, TILE_64x64, STAGES_32x3, 1, 0};
    const Algorithm narrow = {NARROW, TILE_64x64, STAGES_32x3, 1, 0}, tiny = {NARROW, TILE_32x32, STAGES_16x4, 1, 0};
    std::vector<Algorithm> all;
    if (rows < 512 && problem.k >= 512) {
        const int split = rows < 32 ? 4 : rows < 128 ? 3 : 2;
        if (preference.reduction_mask & CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE)
            all.push_back({SPLIT, TILE_64x64, STAGES_32x3, split, CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE});
        if (preference.reduction_mask & CUBLASLT_REDUCTION_SCHEME_INPLACE)
            all.push_back({SPLIT, TILE_64x64, STAGES_32x3, split, CUBLASLT_REDUCTION_SCHEME_INPLACE});
    }
    if (rows < 64) all.insert(all.end(), {tiny, narrow, slim, wide});
    else if (rows < 256) all.insert(all.end(), {narrow, tiny, slim, wide});
    else all.insert(all.end(), {wide, slim, narrow, tiny});
    all.push_back({ANY, TILE_64x128, STAGES_16x4, 1, 0});

    const int alignment = static_cast<int>(*std::min_element(preference.alignment, preference.alignment + 4));
    all.erase(std::remove_if(all.begin(), all.end(), [&](const Algorithm& one) {
        return !supports(one, problem) || alignment_of(one) > alignment || workspace_of(one, problem) > preference.max_workspace ||
               (preference.max_waves > 0 && waves(one, problem) > preference.max_waves);
    }), all.end());
    return all;
}

bool decode(const cublasLtMatmulAlgo_t& packed, Algorithm& algorithm)
{
    if (packed.data[0] != MARK || packed.data[7] != seal(packed)) return false;
    int fields[5];
    std::memcpy(fields, packed.data + 1, sizeof fields);
    algorithm = {fields[0], fields[1], fields[2], fields[3], fields[4]};
    return find_kind(algorithm.id) != nullptr;
}

int alignment_of(const Algorithm& algorithm) { return find_kind(algorithm.id)->alignment; }

bool supports(const Algorithm& algorithm, const Problem& problem)
{
    const int alignment = alignment_of(algorithm);
    return multiple(problem.a, alignment) && multiple(problem.b, alignment) && multiple(problem.c, alignment) && multiple(problem.d, alignment) &&
           problem.k >= algorithm.split;
}

std::size_t workspace_of(const Algorithm& algorithm, const Problem& problem)
{
    if (algorithm.split == 1) return 0;
    if (algorithm.scheme == CUBLASLT_REDUCTION_SCHEME_INPLACE) return 4096;   // a counter a tile
    return static_cast<std::size_t>(4 * algorithm.split * problem.m * problem.n * problem.d.batch);
}

// A split's runs are cut by the class of row counts too: nobody may count on the bits of a split product.
SumOrder order_of(const Algorithm& algorithm, const Problem& problem)
{
    SumOrder order = find_kind(algorithm.id)->order;
    order.splits = algorithm.split;
    if (algorithm.split > 1) order.block = problem.n < 64 ? 64 : problem.n < 256 ? 96 : 128;
    return order;
}

}  // namespace emu

using namespace emu;

CUDA_EXPORT cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, cublasLtMatrixLayout_t a,
                                                          cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                                          cublasLtMatmulPreference_t preference_handle, int requested,
                                                          cublasLtMatmulHeuristicResult_t* results, int* returned)
{
    const Call call;
    if (call.refused || !cublaslt().libraries.find(handle)) return CUBLAS_STATUS_NOT_INITIALIZED;
    const std::shared_ptr<Preference> preference = cublaslt().preferences.find(preference_handle);
    if (!preference || !results || !returned || requested <= 0) return CUBLAS_STATUS_INVALID_VALUE;
    *returned = 0;
    Problem problem;
    if (const cublasStatus_t refused = make_problem(desc, a, b, c, d, problem)) return refused;
    for (const Algorithm& algorithm : choose(problem, *preference)) {
        if (*returned == requested) break;
        cublasLtMatmulHeuristicResult_t& result = results[(*returned)++];
        result = {};
        result.algo = encode(algorithm);
        result.workspaceSize = workspace_of(algorithm, problem);
        result.wavesCount = waves(algorithm, problem);
    }
    return *returned > 0 ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

CUDA_EXPORT cublasStatus_t cublasLtMatmulAlgoCheck(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, cublasLtMatrixLayout_t a,
                                                   cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                                   const cublasLtMatmulAlgo_t* packed, cublasLtMatmulHeuristicResult_t* result)
{
    const Call call;
    if (call.refused || !cublaslt().libraries.find(handle)) return CUBLAS_STATUS_NOT_INITIALIZED;
    Algorithm algorithm;
    if (!packed || !result || !decode(*packed, algorithm)) return CUBLAS_STATUS_INVALID_VALUE;
    Problem problem;
    if (const cublasStatus_t refused = make_problem(desc, a, b, c, d, problem)) return refused;
    if (!supports(algorithm, problem)) return CUBLAS_STATUS_NOT_SUPPORTED;
    *result = {};
    result->algo = *packed;
    result->workspaceSize = workspace_of(algorithm, problem);
    result->wavesCount = waves(algorithm, problem);
    return CUBLAS_STATUS_SUCCESS;
}

CUDA_EXPORT cublasStatus_t cublasLtMatmulAlgoConfigGetAttribute(const cublasLtMatmulAlgo_t* packed, cublasLtMatmulAlgoConfigAttributes_t which,
                                                                void* value, std::size_t bytes, std::size_t* written)
{
    Algorithm algorithm;
    if (!packed || !decode(*packed, algorithm)) return CUBLAS_STATUS_INVALID_VALUE;
    std::uint32_t answer = 0;
    std::size_t size = sizeof answer;
    switch (which) {
    case CUBLASLT_ALGO_CONFIG_ID: answer = static_cast<std::uint32_t>(algorithm.id); break;
    case CUBLASLT_ALGO_CONFIG_TILE_ID: answer = static_cast<std::uint32_t>(algorithm.tile); break;
    case CUBLASLT_ALGO_CONFIG_SPLITK_NUM: answer = static_cast<std::uint32_t>(algorithm.split); break;
    case CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME: answer = static_cast<std::uint32_t>(algorithm.scheme); break;
    case CUBLASLT_ALGO_CONFIG_STAGES_ID: answer = static_cast<std::uint32_t>(algorithm.stages); break;
    case CUBLASLT_ALGO_CONFIG_CTA_SWIZZLING:
    case CUBLASLT_ALGO_CONFIG_CUSTOM_OPTION: break;
    case CUBLASLT_ALGO_CONFIG_INNER_SHAPE_ID:
    case CUBLASLT_ALGO_CONFIG_CLUSTER_SHAPE_ID: size = 2; break;
    default: return CUBLAS_STATUS_INVALID_VALUE;
    }
    if (bytes == 0 && written) {   // only the size is asked for
        *written = size;
        return CUBLAS_STATUS_SUCCESS;
    }
    if (!value || bytes < size) return CUBLAS_STATUS_INVALID_VALUE;
    std::memcpy(value, &answer, size);
    if (written) *written = size;
    return CUBLAS_STATUS_SUCCESS;
}
