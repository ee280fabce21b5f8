// Every instruction that C++ has no words for, in a function with a plain twin for the emulated device.
// The twin says what the instruction does; that both agree is for a GPU to tell.
#pragma once

// cp.async: 16 bytes from global to shared memory behind this thread's back; both addresses are multiples of 16.
// They are there for this thread after a wait that covers their group, for others after a barrier behind that wait.
__device__ __forceinline__ void copy_async_16(void* shared_to, const void* global_from)
{
#ifdef CUDA_ON_CPU
    emu_copy_async16(shared_to, global_from);
#else
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;"
                 :: "r"((unsigned)__cvta_generic_to_shared(shared_to)), "l"(global_from) : "memory");
#endif
}

// Closes a group: this thread's copies since the last one, possibly none.
__device__ __forceinline__ void copy_async_commit()
{
#ifdef CUDA_ON_CPU
    emu_copy_async_commit();
#else
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Waits until all but this thread's latest PENDING groups are there.
template <int PENDING>
__device__ __forceinline__ void copy_async_wait()
{
#ifdef CUDA_ON_CPU
    emu_copy_async_wait(PENDING);
#else
    asm volatile("cp.async.wait_group %0;" :: "n"(PENDING) : "memory");
#endif
}
