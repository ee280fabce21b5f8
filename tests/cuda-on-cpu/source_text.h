// From the preprocessed text of a CUDA source to one that g++ takes.
#pragma once

#include <string>

namespace emu
{

// The CUDA words that need more than a macro (__global__, __shared__, __launch_bounds__) are rewritten in place, lines stay
// where they are, and a table of the entry points follows at the end. Line markers that name `file` name `name`
// instead, and lose the `folder` (which ends in /) that headers were written to.
std::string rewrite_source(const std::string& text, const std::string& file, const std::string& name, const std::string& folder);

}
