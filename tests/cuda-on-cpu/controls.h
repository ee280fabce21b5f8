// The emu_* functions, for the tests; controls.cpp and faults.cpp say what they do.
#pragma once
#include "cuda_abi.h"

CUDA_EXPORT const char* emu_version(void);
CUDA_EXPORT void emu_reset(void);
CUDA_EXPORT int emu_set_profile(int sm);
CUDA_EXPORT void emu_set_memory(std::size_t bytes);
CUDA_EXPORT void emu_set_schedule(int mode);
CUDA_EXPORT void emu_set_instrumented(int on);
CUDA_EXPORT void emu_set_copy_async(int early);
CUDA_EXPORT void emu_skip_barrier(const char* file, int line);
CUDA_EXPORT long long emu_count(const char* what);
CUDA_EXPORT void emu_reset_counts(void);
CUDA_EXPORT int emu_kernels(void);
CUDA_EXPORT const char* emu_kernel_name(int i);
CUDA_EXPORT long long emu_kernel_launches(const char* name);
CUDA_EXPORT int emu_reports(void);
CUDA_EXPORT const char* emu_report(int i);
CUDA_EXPORT void emu_fail(int kind, long long nth, int for_ever, int code);
CUDA_EXPORT double emu_compile_seconds(void);
