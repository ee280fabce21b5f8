// One block of a launch: its threads are fibers that run until they meet at a barrier, a shuffle or the end.
#pragma once

#include <cstddef>
#include <string>

#include "kernel.h"
#include "module.h"

namespace emu
{

struct Site { const char* file = nullptr; int line = 0; };

// The launch that is under way.
struct Launch
{
    const Kernel* kernel = nullptr;
    const Module::Image* image = nullptr;
    Extent grid, block;
    unsigned threads = 0;          // of a block
    size_t dynamic_shared = 0;
    const unsigned char* packed = nullptr;
    unsigned block_x = 0, block_y = 0, block_z = 0;
    int reports = 0;
    Outcome outcome = Outcome::ok;
};
extern Launch launch;

// The thread that runs now, by its number in the block.
unsigned current_thread();

// Runs the block that `launch` stands at. False: the launch was stopped.
bool run_block();

// "kernel layer_norm, block 3, thread 17"; coordinates where there is more than x.
std::string place_of_thread(unsigned thread);

// Makes a report about the launch, which fails with `outcome` when it ends; after 20 it ends here.
void report_launch(Outcome outcome, const std::string& text);

// From a thread of the block: nothing of the launch runs any more.
[[noreturn]] void stop_launch();

}
