#include "shadow.h"
namespace emu::shadow
{
void begin_launch() {}
void begin_block() {}
void become(unsigned) {}
void block_barrier() {}
void warp_barrier(unsigned, unsigned) {}
}
