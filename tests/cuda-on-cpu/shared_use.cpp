// Reads the symbol table of an ELF object that g++ made here: nothing in it is mistrusted.
#include "shared_use.h"

#include <cctype>
#include <cstdlib>
#include <cstring>
#include <elf.h>

namespace emu
{
namespace
{

// An array in an entry point is `_ZZ`, the name's length, the name, `E`: extern "C" functions have no parameters in their names.
std::string entry_of(const char* symbol)
{
    if (strncmp(symbol, "_ZZ", 3) != 0 || !std::isdigit(static_cast<unsigned char>(symbol[3]))) return "";
    char* name = nullptr;
    const size_t length = strtoul(symbol + 3, &name, 10);
    return strlen(name) > length && name[length] == 'E' ? std::string(name, length) : "";
}

}

std::map<std::string, size_t> shared_use(const char* object, size_t bytes)
{
    std::map<std::string, size_t> use;
    if (bytes < sizeof(Elf64_Ehdr)) return use;
    const auto* header = reinterpret_cast<const Elf64_Ehdr*>(object);
    const auto* sections = reinterpret_cast<const Elf64_Shdr*>(object + header->e_shoff);
    const char* section_names = object + sections[header->e_shstrndx].sh_offset;
    for (const Elf64_Shdr* table = sections; table < sections + header->e_shnum; table++)
    {
        if (table->sh_type != SHT_SYMTAB) continue;
        const auto* symbols = reinterpret_cast<const Elf64_Sym*>(object + table->sh_offset);
        const char* names = object + sections[table->sh_link].sh_offset;
        for (size_t i = 0; i < table->sh_size / sizeof(Elf64_Sym); i++)
        {
            const Elf64_Sym& symbol = symbols[i];
            const bool array = ELF64_ST_TYPE(symbol.st_info) == STT_OBJECT && symbol.st_shndx < header->e_shnum;
            if (array && strcmp(section_names + sections[symbol.st_shndx].sh_name, "emu_shared") == 0) use[entry_of(names + symbol.st_name)] += symbol.st_size;
        }
    }
    return use;
}

size_t shared_bytes_of(const std::map<std::string, size_t>& use, const std::string& entry)
{
    auto own = use.find(entry), common = use.find("");
    return (own == use.end() || entry.empty() ? 0 : own->second) + (common == use.end() ? 0 : common->second);
}

}
