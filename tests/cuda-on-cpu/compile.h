// From a CUDA source to a shared object: g++ on the source, with the prelude before it and a table of its entry points after.
// Results are kept by content in build/kernels/ beside this library.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace emu
{

struct Source
{
    std::string name, text;
    std::vector<std::pair<std::string, std::string>> headers;   // name, text
    std::vector<std::string> defines;                           // NAME or NAME=VALUE
    int architecture = 80;
    bool contract = true;   // a * b + c may become one fma
};

struct Compiled
{
    bool ok = false;
    std::string key;       // its name in build/kernels/
    std::string object;    // the bytes of the shared object
    std::string messages;  // g++'s, with the names of the source and its headers
};

Compiled compile(const Source& source, bool instrumented);

// The kept shared object under that key; written there if it is not (its bytes may come out of somebody else's cache).
std::string kept_object(const std::string& key, const char* bytes, size_t size);

}
