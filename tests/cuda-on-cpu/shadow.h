// Watches the accesses of a launch. The compiled kernels call its hooks (shadow.cpp); the scheduler tells it what orders them.
#pragma once

#include <cstdint>

#include "block.h"

namespace emu::shadow
{

void begin_launch();
void begin_block();
void become(unsigned thread);                    // accesses are this thread's from now on
void block_barrier();                            // all threads' accesses until now come before all later ones
void warp_barrier(unsigned warp, unsigned mask); // these lanes' until now before these lanes' later ones

}
