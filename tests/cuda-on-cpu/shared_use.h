// Whose shared arrays lie in a compiled object: its symbols tell.
#pragma once

#include <cstddef>
#include <map>
#include <string>

namespace emu
{

// Bytes by entry point; under the empty name those of device functions and of the file's scope, which every entry point has.
std::map<std::string, size_t> shared_use(const char* object, size_t bytes);

// Of one entry point.
size_t shared_bytes_of(const std::map<std::string, size_t>& use, const std::string& entry);

}
