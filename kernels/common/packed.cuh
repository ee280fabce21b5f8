// Neighbours of a row, read or written as one access of up to 16 bytes.
#pragma once

template <typename T, int COUNT>
struct alignas(sizeof(T) * COUNT) Packed { T values[COUNT]; };

// Values of an access that never straddles two rows of so many columns: rows begin at a multiple of it.
__device__ constexpr int packed_width(int columns) { return columns % 4 == 0 ? 4 : columns % 2 == 0 ? 2 : 1; }

template <int COUNT, typename T>
__device__ __forceinline__ Packed<T, COUNT> load_packed(const T* from)
{
    return *reinterpret_cast<const Packed<T, COUNT>*>(from);
}

template <int COUNT, typename T>
__device__ __forceinline__ void store_packed(T* to, const Packed<T, COUNT>& values)
{
    *reinterpret_cast<Packed<T, COUNT>*>(to) = values;
}
