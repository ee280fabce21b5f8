// NVRTC's functions. An option that is not known here is refused: the real one refuses what it does not know.
#include <cstring>
#include <exception>
#include <string>
#include <vector>

#include "compile.h"
#include "cubin.h"
#include "faults.h"
#include "kernel.h"
#include "shared_use.h"

namespace
{

enum Result { Success = 0, OutOfMemory = 1, ProgramCreationFailure = 2, InvalidInput = 3, InvalidProgram = 4, InvalidOption = 5,
              Compilation = 6, BuiltinOperationFailure = 7, InternalError = 11 };

const int Architectures[] = {50, 52, 53, 60, 61, 62, 70, 72, 75, 80, 86, 87, 89, 90};

struct Program
{
    static constexpr unsigned Alive = 0x4e565254;
    unsigned magic = Alive;
    emu::Source source;
    bool portable = false;
    std::string log, blob;
};

Program* program_of(void* handle)
{
    auto* program = static_cast<Program*>(handle);
    return program && program->magic == Program::Alive ? program : nullptr;
}

bool starts_with(const std::string& text, const std::string& begin) { return text.compare(0, begin.size(), begin) == 0; }

// "sm_80", "compute_80". An architecture's letters (sm_90a) are taken and forgotten: no twin needs them.
bool set_architecture(Program& program, const std::string& value)
{
    size_t digits = starts_with(value, "sm_") ? 3 : starts_with(value, "compute_") ? 8 : 0;
    if (digits == 0) return false;
    int number = atoi(value.c_str() + digits);
    for (int known : Architectures)
        if (known == number)
        {
            program.source.architecture = number;
            program.portable = digits == 8;
            return true;
        }
    return false;
}

// Options that change nothing here, or only what the emulated device does not have (registers, flushing of denormals).
bool is_neutral(const std::string& option)
{
    static const char* whole[] = {"-lineinfo", "--generate-line-info", "-G", "--device-debug", "-default-device", "--device-as-default-execution-space",
        "-restrict", "--restrict", "-w", "--disable-warnings", "-dlto", "--extra-device-vectorization", "-extra-device-vectorization",
        "-ftz=false", "--ftz=false", "-prec-div=true", "--prec-div=true", "-prec-sqrt=true", "--prec-sqrt=true", "-std=c++17", "--std=c++17",
        "--no-source-include", "-no-source-include", "--display-error-number", "-err-no", "--no-display-error-number", "-no-err-no"};
    for (const char* known : whole)
        if (option == known) return true;
    static const char* begun[] = {"--maxrregcount=", "-maxrregcount=", "--ptxas-options=", "-Xptxas=", "--diag-suppress=", "-diag-suppress=", "-default-stream=", "--split-compile="};
    for (const char* known : begun)
        if (starts_with(option, known)) return true;
    return false;
}

// The value of an option spelt NAME=VALUE or NAME VALUE (the next option); false: another option.
bool value_of(const char* name, int count, const char* const* options, int& i, std::string& value)
{
    std::string option = options[i], begin = name;
    if (starts_with(option, begin + "="))
    {
        value = option.substr(begin.size() + 1);
        return true;
    }
    if (option != begin || i + 1 >= count) return false;
    value = options[++i];
    return true;
}

bool read_options(Program& program, int count, const char* const* options)
{
    program.source.defines.clear();
    program.source.contract = true;
    program.source.architecture = 52;   // NVRTC 12's default, and PTX
    program.portable = true;
    for (int i = 0; i < count; i++)
    {
        std::string option = options[i], value;
        if (value_of("--gpu-architecture", count, options, i, value) || value_of("-arch", count, options, i, value))
        {
            if (!set_architecture(program, value)) return program.log = "nvrtc: error: invalid value for --gpu-architecture (-arch)\n", false;
        }
        else if (value_of("--define-macro", count, options, i, value) || value_of("-D", count, options, i, value))
            program.source.defines.push_back(value);
        else if (starts_with(option, "-D")) program.source.defines.push_back(option.substr(2));
        else if (value_of("--fmad", count, options, i, value) || value_of("-fmad", count, options, i, value))
            program.source.contract = value == "true";
        else if (!is_neutral(option)) return program.log = "nvrtc: error: unrecognized option " + option + " found\n", false;
    }
    return true;
}

void make_blob(Program& program, const emu::Compiled& compiled, bool instrumented)
{
    emu::CubinHeader header = {};
    memcpy(header.magic, emu::CubinMagic, sizeof header.magic);
    header.architecture = program.source.architecture;
    header.portable = program.portable;
    header.instrumented = instrumented;
    header.object_bytes = compiled.object.size();
    memcpy(header.key, compiled.key.data(), compiled.key.size());
    program.blob.assign(reinterpret_cast<const char*>(&header), sizeof header);
    program.blob += compiled.object;
}

// The assembler's own limit for arrays of a fixed size, on every architecture; more must be dynamic.
bool fits_shared_memory(Program& program, const emu::Compiled& compiled)
{
    constexpr size_t Limit = 48 << 10;
    const auto use = emu::shared_use(compiled.object.data(), compiled.object.size());
    for (const auto& part : use)
    {
        const size_t bytes = emu::shared_bytes_of(use, part.first);
        if (bytes <= Limit) continue;
        char text[256];
        snprintf(text, sizeof text, "ptxas error   : Entry function '%s' uses too much shared data (0x%zx bytes, 0x%zx max)\n", part.first.c_str(), bytes, Limit);
        program.log += text;
        return false;
    }
    return true;
}

Result size_of(void* handle, bool portable, size_t* size)
{
    Program* program = program_of(handle);
    if (!program) return InvalidProgram;
    if (!size) return InvalidInput;
    // As the real one: a program for sm_XX has PTX too, one for compute_XX has no CUBIN.
    *size = !portable && program->portable ? 0 : program->blob.size();
    return portable && program->blob.empty() ? InvalidProgram : Success;
}

Result bytes_of(void* handle, bool portable, char* bytes)
{
    size_t size = 0;
    Result result = size_of(handle, portable, &size);
    if (result != Success) return result;
    if (!bytes || size == 0) return InvalidInput;
    memcpy(bytes, program_of(handle)->blob.data(), size);
    if (portable) reinterpret_cast<emu::CubinHeader*>(bytes)->portable = 1;
    return Success;
}

}

#define NVRTC extern "C" __attribute__((visibility("default")))

NVRTC Result nvrtcVersion(int* major, int* minor)
{
    if (!major || !minor) return InvalidInput;
    *major = 12, *minor = 8;
    return Success;
}

NVRTC const char* nvrtcGetErrorString(Result result)
{
    static const char* names[] = {"NVRTC_SUCCESS", "NVRTC_ERROR_OUT_OF_MEMORY", "NVRTC_ERROR_PROGRAM_CREATION_FAILURE", "NVRTC_ERROR_INVALID_INPUT",
        "NVRTC_ERROR_INVALID_PROGRAM", "NVRTC_ERROR_INVALID_OPTION", "NVRTC_ERROR_COMPILATION", "NVRTC_ERROR_BUILTIN_OPERATION_FAILURE",
        "NVRTC_ERROR_NO_NAME_EXPRESSIONS_AFTER_COMPILATION", "NVRTC_ERROR_NO_LOWERED_NAMES_BEFORE_COMPILATION",
        "NVRTC_ERROR_NAME_EXPRESSION_NOT_VALID", "NVRTC_ERROR_INTERNAL_ERROR", "NVRTC_ERROR_TIME_FILE_WRITE_FAILED",
        "NVRTC_ERROR_NO_PCH_CREATE_ATTEMPTED", "NVRTC_ERROR_PCH_CREATE_HEAP_EXHAUSTED", "NVRTC_ERROR_PCH_CREATE", "NVRTC_ERROR_CANCELLED"};
    return result >= 0 && result < int(sizeof names / sizeof *names) ? names[result] : "NVRTC_ERROR unknown";
}

NVRTC Result nvrtcGetNumSupportedArchs(int* count)
{
    if (!count) return InvalidInput;
    *count = sizeof Architectures / sizeof *Architectures;
    return Success;
}

NVRTC Result nvrtcGetSupportedArchs(int* architectures)
{
    if (!architectures) return InvalidInput;
    memcpy(architectures, Architectures, sizeof Architectures);
    return Success;
}

NVRTC Result nvrtcCreateProgram(void** handle, const char* text, const char* name, int header_count, const char* const* headers, const char* const* include_names)
{
    if (!handle || !text || header_count < 0 || (header_count > 0 && (!headers || !include_names))) return InvalidInput;
    auto* program = new Program;
    program->source.text = text;
    program->source.name = name && *name ? name : "default_program";
    for (int i = 0; i < header_count; i++) program->source.headers.emplace_back(include_names[i], headers[i]);
    *handle = program;
    return Success;
}

NVRTC Result nvrtcDestroyProgram(void** handle)
{
    Program* program = handle ? program_of(*handle) : nullptr;
    if (!program) return InvalidProgram;
    program->magic = 0;
    delete program;
    *handle = nullptr;
    return Success;
}

NVRTC Result nvrtcCompileProgram(void* handle, int count, const char* const* options)
{
    Program* program = program_of(handle);
    if (!program) return InvalidProgram;
    program->log.clear();
    program->blob.clear();
    if (int code = emu::fault(emu::fault_compile)) return Result(code);
    if (count < 0 || (count > 0 && !options)) return InvalidInput;
    if (!read_options(*program, count, options)) return InvalidOption;
    try
    {
        const bool instrumented = emu::settings.instrumented;
        emu::Compiled compiled = emu::compile(program->source, instrumented);
        program->log = compiled.messages;
        if (!compiled.ok || !fits_shared_memory(*program, compiled)) return Compilation;
        make_blob(*program, compiled, instrumented);
        return Success;
    }
    catch (const std::exception& e)
    {
        program->log = std::string("nvrtc: error: ") + e.what() + "\n";
        return InternalError;
    }
}

NVRTC Result nvrtcGetProgramLogSize(void* handle, size_t* size)
{
    Program* program = program_of(handle);
    if (!program) return InvalidProgram;
    if (!size) return InvalidInput;
    *size = program->log.size() + 1;
    return Success;
}

NVRTC Result nvrtcGetProgramLog(void* handle, char* log)
{
    Program* program = program_of(handle);
    if (!program) return InvalidProgram;
    if (!log) return InvalidInput;
    memcpy(log, program->log.c_str(), program->log.size() + 1);
    return Success;
}

NVRTC Result nvrtcGetCUBINSize(void* handle, size_t* size) { return size_of(handle, false, size); }
NVRTC Result nvrtcGetCUBIN(void* handle, char* bytes) { return bytes_of(handle, false, bytes); }
NVRTC Result nvrtcGetPTXSize(void* handle, size_t* size) { return size_of(handle, true, size); }
NVRTC Result nvrtcGetPTX(void* handle, char* bytes) { return bytes_of(handle, true, bytes); }
