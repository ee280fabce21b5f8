// The functions that g++ -fsanitize=thread,alignment calls, without the sanitizers' libraries.
#include <cstddef>
#include <cstdint>

#define HOOK extern "C" __attribute__((visibility("default"))) void
#define ACCESS(kind, bytes) HOOK __tsan_##kind##bytes(void*) {}
#define ACCESSES(kind) ACCESS(kind, 1) ACCESS(kind, 2) ACCESS(kind, 4) ACCESS(kind, 8) ACCESS(kind, 16)

ACCESSES(read)
ACCESSES(write)
ACCESSES(unaligned_read)
ACCESSES(unaligned_write)
HOOK __tsan_read_range(void*, size_t) {}
HOOK __tsan_write_range(void*, size_t) {}
HOOK __tsan_init() {}
HOOK __ubsan_handle_type_mismatch_v1(void*, uintptr_t) {}
