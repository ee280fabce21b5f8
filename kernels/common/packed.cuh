// Neighbours of a row, read or written as accesses of up to 16 bytes. How many is a define, WIDTH: as many as divide a row, so that
// no access straddles two, and as 16 bytes of the narrowest type hold.
#pragma once

template <typename T, int COUNT>
struct alignas(sizeof(T) * COUNT) Packed { T values[COUNT]; };

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
