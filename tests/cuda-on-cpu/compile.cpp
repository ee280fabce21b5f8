// See compile.h. Two steps of g++: the preprocessor, then source_text.cpp on what it gave, then the compiler proper.
#include "compile.h"

#include <chrono>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <spawn.h>
#include <stdexcept>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel.h"
#include "source_text.h"

// The text of prelude.h, inside this library: nothing needs to lie beside it.
__asm__(".section .rodata\n"
        ".globl emu_prelude_text\n.hidden emu_prelude_text\nemu_prelude_text:\n.incbin \"prelude.h\"\n.byte 0\n"
        ".previous");
extern "C" const char emu_prelude_text[];
extern "C" char** environ;

namespace emu
{
namespace
{

namespace fs = std::filesystem;

// Part of the key: raise it when what is made of the same text changes (source_text.cpp, the entry table).
constexpr const char* Format = "7";

const std::string SourceFile = "source.cu", HeaderFolder = "include/";

const std::vector<std::string> Flags = {
    "-std=c++17", "-O2", "-g1", "-march=native", "-fPIC", "-fvisibility=hidden", "-fno-exceptions", "-fno-rtti",
    "-fno-math-errno", "-fno-trapping-math", "-fno-strict-aliasing", "-fno-stack-protector", "-fno-threadsafe-statics",
    "-fno-plt", "-fno-weak", "-fno-tree-loop-distribute-patterns", "-Wno-unknown-pragmas"};

// Besides the hooks: no loads that the source does not have. g++ moves one before its condition where it cannot trap, and nobody
// would care, if we did not report what is read.
const std::vector<std::string> Hooks = {"-fsanitize=thread,alignment", "--param", "tsan-instrument-func-entry-exit=0",
    "-fno-tree-loop-im", "-fno-tree-loop-if-convert", "-fno-hoist-adjacent-loads"};

// Shared memory, a section that the file has no contents for. -fno-weak makes arrays in templates, for which g++ forgets the
// section's name, common symbols: nothing else in C++ is one.
const char* const SharedSection =
    "SECTIONS { emu_shared (NOLOAD) : ALIGN(128) {\n"
    "    PROVIDE_HIDDEN(emu_static_begin = .); *(emu_shared) *(COMMON) PROVIDE_HIDDEN(emu_static_end = .);\n"
    "    . = ALIGN(128); PROVIDE_HIDDEN(emu_dynamic_begin = .); *(emu_dynamic) PROVIDE_HIDDEN(emu_dynamic_end = .);\n"
    "} } INSERT AFTER .bss;\n";

std::mutex counting;
long long compiled = 0, reused = 0;
double seconds = 0;

struct Place { std::string library; fs::path kernels; };

const Place& place()
{
    static const Place found = []
    {
        Dl_info info;
        if (!dladdr(emu_prelude_text, &info)) throw std::runtime_error("the loader does not know where this library lies");
        fs::path library = fs::canonical(info.dli_fname);
        fs::create_directories(library.parent_path() / "kernels");
        return Place{library, library.parent_path() / "kernels"};
    }();
    return found;
}

// FNV-1a, twice, from two beginnings: 128 bits. Each part counts with its length.
class Key
{
public:
    void add(const std::string& part)
    {
        mix(std::to_string(part.size()) + ":" + part);
    }
    std::string text() const
    {
        char digits[33];
        snprintf(digits, sizeof digits, "%016llx%016llx", a, b);
        return digits;
    }

private:
    unsigned long long a = 0xcbf29ce484222325, b = 0x9ae16a3b2f90404f;
    void mix(const std::string& bytes)
    {
        for (unsigned char c : bytes)
        {
            a = (a ^ c) * 0x100000001b3;
            b = (b ^ c) * 0x100000001b3 + (b >> 47);
        }
    }
};

// What the first processor can do, in the kernel's words.
const std::string& processor()
{
    static const std::string flags = []
    {
        std::ifstream info("/proc/cpuinfo");
        std::string line;
        while (std::getline(info, line) && line.compare(0, 5, "flags") != 0) {}
        return line;
    }();
    return flags;
}

std::string key_of(const Source& source, bool instrumented)
{
    Key key;
    key.add(Format);
    key.add(__VERSION__);
    key.add(processor());   // -march=native
    key.add(emu_prelude_text);
    key.add(source.name);
    key.add(source.text);
    for (const auto& [name, text] : source.headers) key.add(name), key.add(text);
    key.add("defines");
    for (const std::string& define : source.defines) key.add(define);
    for (const std::string& flag : Flags) key.add(flag);
    if (instrumented) for (const std::string& flag : Hooks) key.add(flag);
    key.add(std::to_string(source.architecture) + (source.contract ? " contracted" : ""));
    return key.text();
}

std::string read_whole(const fs::path& path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write_whole(const fs::path& path, const char* bytes, size_t size)
{
    fs::create_directories(path.parent_path());
    std::ofstream file(path, std::ios::binary);
    if (!file.write(bytes, size)) throw std::runtime_error("cannot write " + path.string());
}

void write_whole(const fs::path& path, const std::string& text) { write_whole(path, text.data(), text.size()); }

std::string replaced(std::string text, const std::string& what, const std::string& by)
{
    for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) text.replace(at, what.size(), by);
    return text;
}

// Runs g++ in a folder; its messages go to the file `messages` there.
bool run_compiler(const fs::path& folder, const std::vector<std::string>& arguments)
{
    std::vector<char*> argv;
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "messages", O_WRONLY | O_CREAT | O_APPEND, 0644);
    pid_t child;
    int failure = posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failure != 0) throw std::runtime_error(std::string("cannot start g++: ") + strerror(failure));
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) throw std::runtime_error(std::string("cannot wait for g++: ") + strerror(errno));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

struct TemporaryFolder
{
    fs::path path;
    TemporaryFolder()
    {
        std::string pattern = (fs::temp_directory_path() / "cuda-on-cpu-XXXXXX").string();
        if (!mkdtemp(pattern.data())) throw std::runtime_error("cannot make a temporary folder: " + pattern);
        path = pattern;
    }
    ~TemporaryFolder()
    {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
};

bool run_steps(const Source& source, bool instrumented, const fs::path& folder)
{
    write_whole(folder / "prelude.h", emu_prelude_text, strlen(emu_prelude_text));
    write_whole(folder / SourceFile, source.text);
    write_whole(folder / "shared.ld", SharedSection);
    for (const auto& [name, text] : source.headers)
    {
        if (name.empty() || name[0] == '/' || name.find("..") != std::string::npos) throw std::runtime_error("not a name for a header: " + name);
        write_whole(folder / (HeaderFolder + name), text);
    }
    std::vector<std::string> first = {"g++", "-E", "-x", "c++", "-nostdinc", "-std=c++17", "-I" + HeaderFolder, "-include", "prelude.h",
        "-D__CUDACC__", "-D__CUDACC_RTC__", "-D__CUDA_ARCH__=" + std::to_string(source.architecture * 10)};
    for (const std::string& define : source.defines) first.push_back("-D" + define);
    first.insert(first.end(), {SourceFile, "-o", "expanded.ii"});
    if (!run_compiler(folder, first)) return false;

    write_whole(folder / "rewritten.ii", rewrite_source(read_whole(folder / "expanded.ii"), SourceFile, source.name, HeaderFolder));
    std::vector<std::string> second = {"g++", "-fpreprocessed", "-x", "c++-cpp-output"};
    second.insert(second.end(), Flags.begin(), Flags.end());
    second.push_back("-fdebug-prefix-map=" + folder.string() + "=.");
    second.push_back(source.contract ? "-ffp-contract=fast" : "-ffp-contract=off");
    if (instrumented) second.insert(second.end(), Hooks.begin(), Hooks.end());
    // -nostdlib keeps the sanitizers' own libraries out: shadow.cpp has the functions that the compiler calls.
    second.insert(second.end(), {"rewritten.ii", "-x", "none", "-shared", "-nostdlib", "-Wl,-z,defs,-z,now,-T,shared.ld", place().library, "-lm", "-lc", "-lgcc", "-o", "kernel.so"});
    return run_compiler(folder, second);
}

}

std::string kept_object(const std::string& key, const char* bytes, size_t size)
{
    fs::path path = place().kernels / (key + ".so");
    static std::mutex writing;
    std::lock_guard<std::mutex> lock(writing);
    if (fs::exists(path)) return path;
    fs::path aside = place().kernels / (key + "." + std::to_string(getpid()));
    write_whole(aside, bytes, size);
    fs::rename(aside, path);   // whole or not at all, for other processes
    return path;
}

Compiled compile(const Source& source, bool instrumented)
{
    Compiled result;
    result.key = key_of(source, instrumented);
    fs::path kept = place().kernels / (result.key + ".so");
    if (fs::exists(kept))
    {
        result.object = read_whole(kept);
        result.ok = true;
        std::lock_guard<std::mutex> lock(counting);
        reused++;
        return result;
    }
    auto begin = std::chrono::steady_clock::now();
    TemporaryFolder folder;
    result.ok = run_steps(source, instrumented, folder.path);
    // The preprocessor's messages name the files as they were written for it.
    result.messages = replaced(replaced(read_whole(folder.path / "messages"), SourceFile + ":", source.name + ":"), HeaderFolder, "");
    if (result.ok)
    {
        result.object = read_whole(folder.path / "kernel.so");
        kept_object(result.key, result.object.data(), result.object.size());
    }
    std::lock_guard<std::mutex> lock(counting);
    compiled++;
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return result;
}

long long compiles() { std::lock_guard<std::mutex> lock(counting); return compiled; }
long long compiles_reused() { std::lock_guard<std::mutex> lock(counting); return reused; }
double compile_seconds() { std::lock_guard<std::mutex> lock(counting); return seconds; }
void reset_compile_counts()
{
    std::lock_guard<std::mutex> lock(counting);
    compiled = reused = 0;
    seconds = 0;
}

}
