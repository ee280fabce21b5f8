// cp.async of the block that runs; the kernels' side is in prelude.h.
#pragma once

namespace emu
{

// The block is over, and with it what was still under way.
void forget_copies();

}
