// The arithmetic of a matrix product in a chosen order of summation, for cublaslt_matmul.cpp. Column-major like cuBLAS.
#pragma once
#include <vector>

#include "cublaslt_abi.h"

namespace emu {

// One operand as the product reads it: element (row, column) of the stored matrix lies at row + column * ld.
struct Operand {
    const void* data;
    cudaDataType type;
    long long ld;
    bool transposed;
};

// The order in which the k products of an element are summed: runs of `block` products, each summed from zero in one pass, then run after run
// (backwards where `descending`); `splits` ranges of k get a sum each, added up last. Two elements of one product are always summed alike, so
// a row's bits do not depend on how many rows there are, unless the order itself was chosen by that.
struct SumOrder {
    int block;
    bool descending;
    int splits;
};

long long element_size(cudaDataType type);   // 0: a type that is not supported
void load(const void* source, cudaDataType type, long long count, float* values);
void store(const float* values, long long count, cudaDataType type, void* target);   // rounded to nearest even

// sums[i + j * m] = the sum over p of op(A)[i, p] * op(B)[p, first + j], for j of `count` columns from `first`, all in float32.
void multiply(long long m, long long first, long long count, long long k, const Operand& a, const Operand& b, SumOrder order, std::vector<float>& sums);

// Columns that one call of multiply is best given.
constexpr long long PANEL_COLUMNS = 384;

}  // namespace emu
