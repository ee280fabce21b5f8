// The reports about accesses: what, where in the source, which threads, which memory.
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <set>
#include <spawn.h>
#include <string>
#include <sys/wait.h>
#include <tuple>
#include <unistd.h>

#include "device_memory.h"
#include "shadow.h"

extern "C" char** environ;

namespace emu::shadow
{
namespace
{

std::set<std::tuple<int, const void*, int>> seen;   // finding, return address or file, line

// The first line of what a program prints.
std::string first_line_of(const std::string& program, const std::string& file, const std::string& address)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return "";
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    const char* argv[] = {program.c_str(), "-e", file.c_str(), address.c_str(), nullptr};
    pid_t child;
    int failure = posix_spawnp(&child, program.c_str(), &actions, nullptr, const_cast<char**>(argv), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    std::string line;
    char c;
    while (failure == 0 && ::read(ends[0], &c, 1) == 1 && c != '\n') line += c;
    close(ends[0]);
    if (failure == 0) waitpid(child, nullptr, 0);
    return line;
}

std::string text_of(const Place& place)
{
    if (place.site.file) return std::string(place.site.file) + ":" + std::to_string(place.site.line);
    char address[32];
    snprintf(address, sizeof address, "0x%zx", reinterpret_cast<uintptr_t>(place.pc) - 1 - launch.image->base);
    std::string line = first_line_of("addr2line", launch.image->path, address);
    while (line.compare(0, 2, "./") == 0) line.erase(0, 2);
    size_t discriminator = line.find(" (");
    if (discriminator != std::string::npos) line.erase(discriminator);
    return line.empty() || line[0] == '?' ? std::string("code at ") + address : line;
}

std::string text_of_memory(uintptr_t address)
{
    char text[128];
    const Module::Image& image = *launch.image;
    if (address >= image.dynamic && address < image.dynamic + image.dynamic_room)
        snprintf(text, sizeof text, "byte %zu of dynamic shared memory (%zu bytes)", size_t(address - image.dynamic), launch.dynamic_shared);
    else if (address >= image.shared && address < image.dynamic)
        snprintf(text, sizeof text, "byte %zu of static shared memory (%zu bytes)", size_t(address - image.shared), image.static_shared);
    else if (const Allocation* inside = find(address))
        snprintf(text, sizeof text, "byte %zu of an allocation of %zu bytes", size_t(address - inside->base), inside->bytes);
    else snprintf(text, sizeof text, "address %#zx, in no live allocation", size_t(address));
    return text;
}

// "thread 3", or "thread 3 of block 7" where it is another one than this.
std::string text_of_other(uint32_t segment)
{
    size_t block = block_of(segment);
    std::string text = place_of_thread(thread_of(segment));
    if (block == block_of(state.me)) return text;
    unsigned x = block % launch.grid.x, y = block / launch.grid.x % launch.grid.y, z = block / launch.grid.x / launch.grid.y;
    text += " of block ";
    if (launch.grid.y == 1 && launch.grid.z == 1) return text + std::to_string(x);
    return text + "(" + std::to_string(x) + ", " + std::to_string(y) + ", " + std::to_string(z) + ")";
}

}

void forget_findings() { seen.clear(); }

void report_cell(Finding finding, uintptr_t address, const Cell& cell, Place place)
{
    if (!seen.emplace(static_cast<int>(finding), place.pc ? place.pc : place.site.file, place.site.line).second) return;
    std::string self = place_of_thread(current_thread()), text;
    bool readers = finding == Finding::write_after_read;
    uint32_t segment = readers ? cell.read : cell.write;
    std::string others = readers && (cell.read & Readers) != OneReader ? "several threads, one of them " : "";
    switch (finding)
    {
    case Finding::unwritten: text = self + " reads what was never written"; break;
    case Finding::pending: text = self + " touches what a cp.async is still under way to"; break;
    case Finding::write_after_write: text = "race: " + self + " writes what " + text_of_other(segment) + " wrote"; break;
    case Finding::write_after_read: text = "race: " + self + " writes what was read by " + others + text_of_other(segment & ~Readers); break;
    case Finding::read_after_write: text = "race: " + self + " reads what " + text_of_other(segment) + " wrote"; break;
    }
    bool race = finding != Finding::unwritten && finding != Finding::pending;
    report_launch(Outcome::launch_failure, text + (race ? ", and nothing orders the two" : "") + ", at " + text_of(place) + ": " + text_of_memory(address));
}

void report_illegal(const char* access, uintptr_t address, size_t bytes, Place place)
{
    report_launch(Outcome::illegal_address, place_of_thread(current_thread()) + ", illegal " + access + " of " + std::to_string(bytes) + " bytes at " + text_of(place) + ": " + text_of_memory(address));
    stop_launch();
}

void report_misaligned(const std::string& type, uintptr_t address, size_t alignment, Place place)
{
    char text[96];
    snprintf(text, sizeof text, " at address %#zx, which is no multiple of %zu", size_t(address), alignment);
    report_launch(Outcome::misaligned_address, place_of_thread(current_thread()) + ", misaligned access to " + type + " at " + text_of(place) + ":" + text);
    stop_launch();
}

}
