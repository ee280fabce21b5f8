// An entry point as a compiled kernel describes it: the same layout as EmuEntry in prelude.h.
#pragma once

namespace emu
{

struct EntryArgument { unsigned offset, bytes; };

struct Entry
{
    const char* name;
    void (*call)(const unsigned char* packed);
    const EntryArgument* arguments;
    unsigned argument_count, packed_bytes;
    int max_threads;
};

}
