// Random programs of reads, writes, barriers and exchanges: the device must report a race exactly where vector clocks, kept whole
// for every thread, find one.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <random>

#include "self_test_device.h"

struct RaceProgram
{
    static constexpr int Threads = 64, Words = 8;
    enum Action { None, Read, Write, Both };
    enum Sync { Nothing, Barrier, Warp, Shuffle, Halves, Alternate };   // of a warp; a barrier is both warps'

    int steps = 0;
    bool global = false;
    std::vector<int> actions;   // [steps][Threads]: action << 3 | word
    std::vector<int> syncs;     // [steps][2]

    static constexpr const char* Kernel = R"(
extern "C" __global__ void kernel(const int* actions, const int* syncs, int* y, int steps, int global)
{
    __shared__ WORD tile[8];
    WORD* words = global ? (WORD*)y : tile;
    if (!global && threadIdx.x < 8) tile[threadIdx.x] = 1;
    __syncthreads();
    int sum = 0;
    for (int i = 0; i < steps; i++) {
        const int action = actions[i * 64 + threadIdx.x] >> 3, word = actions[i * 64 + threadIdx.x] & 7;
        if (action & 1) sum += words[word];
        if (action & 2) words[word] = sum;
        const int sync = syncs[i * 2 + threadIdx.x / 32], lane = threadIdx.x % 32;
        if (sync == 1) __syncthreads();
        else if (sync == 2) __syncwarp();
        else if (sync == 3) sum += __shfl_xor_sync(0xffffffff, sum, 1);
        else if (sync == 4) __syncwarp(lane < 16 ? 0x0000ffff : 0xffff0000);
        else if (sync == 5) __syncwarp(lane & 1 ? 0xaaaaaaaa : 0x55555555);
    }
    y[64 + threadIdx.x] = sum;
})";

    explicit RaceProgram(std::mt19937& random)
    {
        auto below = [&](unsigned n) { return static_cast<int>(random() % n); };
        steps = 1 + below(6);
        global = below(2);
        actions.assign(steps * Threads, 0);
        syncs.assign(steps * 2, Nothing);
        const int density = 2 * (1 + below(5)), spread = below(3);
        for (int i = 0; i < steps; i++)
        {
            for (int t = 0; t < Threads; t++)
                if (below(100) < density)
                    actions[i * Threads + t] = (1 + below(3)) << 3 | (spread == 0 ? below(8) : spread == 1 ? t / 32 * 4 + below(4) : below(2));
            const bool barrier = below(3) == 0;
            for (int warp = 0; warp < 2; warp++)
            {
                static const Sync others[] = {Nothing, Warp, Shuffle, Halves, Alternate};
                syncs[i * 2 + warp] = barrier ? Barrier : others[below(5)];
            }
        }
    }

    bool has_race() const
    {
        using Clock = std::array<int, Threads>;
        struct Access { int thread, time, word; bool write; Clock clock; };
        std::vector<Clock> clocks(Threads, Clock{});
        std::vector<Access> accesses;
        for (int t = 0; t < Threads; t++) clocks[t][t] = 1;
        auto meet = [&](auto takes_part)
        {
            Clock joined{};
            for (int t = 0; t < Threads; t++)
                for (int other = 0; takes_part(t) && other < Threads; other++) joined[other] = std::max(joined[other], clocks[t][other]);
            for (int t = 0; t < Threads; t++)
                if (takes_part(t)) clocks[t] = joined, clocks[t][t]++;
        };
        for (int i = 0; i < steps; i++)
        {
            for (int t = 0; t < Threads; t++)
                if (int action = actions[i * Threads + t] >> 3) accesses.push_back({t, clocks[t][t], actions[i * Threads + t] & 7, action >= Write, clocks[t]});
            if (syncs[i * 2] == Barrier) meet([](int) { return true; });
            else
                for (int warp = 0; warp < 2; warp++)
                {
                    const int sync = syncs[i * 2 + warp];
                    for (int part = 0; part < (sync >= Halves ? 2 : sync == Nothing ? 0 : 1); part++)
                        meet([=](int t) { return t / 32 == warp && (sync < Halves || (sync == Halves ? t / 16 % 2 : t % 2) == part); });
                }
        }
        auto race = [](const Access& a, const Access& b)
        {
            return a.word == b.word && a.thread != b.thread && (a.write || b.write) && b.clock[a.thread] < a.time && a.clock[b.thread] < b.time;
        };
        for (const Access& a : accesses)
            for (const Access& b : accesses)
                if (race(a, b)) return true;
        return false;
    }

    // What the device says; `others`: how many reports were about something else.
    bool is_reported(const emu::Module& module, int& others) const
    {
        const size_t action_bytes = actions.size() * sizeof(int), sync_bytes = syncs.size() * sizeof(int);
        struct { uintptr_t actions, syncs, y; int steps, global; } packed = {emu::allocate(action_bytes), emu::allocate(sync_bytes), 0, steps, global};
        Floats y(128, 0);
        packed.y = y.address;
        memcpy(reinterpret_cast<void*>(packed.actions), actions.data(), action_bytes);
        memcpy(reinterpret_cast<void*>(packed.syncs), syncs.data(), sync_bytes);
        emu::mark_written(packed.actions, action_bytes);
        emu::mark_written(packed.syncs, sync_bytes);
        emu::clear_reports();
        const auto outcome = emu::run_kernel(module.kernels.at(0), {1}, {Threads}, 0, reinterpret_cast<const unsigned char*>(&packed));
        for (const std::string& report : emu::reports()) others += report.find("race") == std::string::npos;
        emu::release(packed.actions);
        emu::release(packed.syncs);
        return outcome != emu::Outcome::ok;
    }
};

struct RaceAgreement { int races = 0, clean = 0, missed = 0, invented = 0, others = 0; };

inline RaceAgreement compare_with_vector_clocks(const char* word, int programs)
{
    auto module = load(build(RaceProgram::Kernel, {word}));
    std::mt19937 random(1);
    RaceAgreement result;
    for (int i = 0; i < programs; i++)
    {
        RaceProgram program(random);
        const bool race = program.has_race(), reported = program.is_reported(*module, result.others);
        (race ? reported ? result.races : result.missed : reported ? result.invented : result.clean)++;
    }
    return result;
}
