// Loading of compiled kernels. The object must be a file to be loaded: it is the kept one of its key.
#include "module.h"

#include <algorithm>
#include <cstring>
#include <dlfcn.h>
#include <exception>
#include <link.h>

#include "compile.h"
#include "cubin.h"
#include "shared_use.h"

namespace emu
{
namespace
{

void find_extent(Module::Image& image)
{
    auto* map = static_cast<link_map*>(nullptr);
    dlinfo(image.handle, RTLD_DI_LINKMAP, &map);
    image.base = map->l_addr;
    dl_iterate_phdr([](dl_phdr_info* info, size_t, void* data)
    {
        auto& found = *static_cast<Module::Image*>(data);
        if (info->dlpi_addr != found.base) return 0;
        found.begin = UINTPTR_MAX;
        for (int i = 0; i < info->dlpi_phnum; i++)
        {
            const auto& header = info->dlpi_phdr[i];
            if (header.p_type != PT_LOAD) continue;
            found.begin = std::min(found.begin, uintptr_t(found.base + header.p_vaddr));
            found.end = std::max(found.end, uintptr_t(found.base + header.p_vaddr + header.p_memsz));
        }
        return 1;
    }, &image);
}

}

Module::Image::~Image()
{
    if (handle) dlclose(handle);
}

Module::~Module() = default;

std::unique_ptr<Module> Module::load(const void* bytes, std::string& reason)
{
    CubinHeader header;
    memcpy(&header, bytes, sizeof header.magic);
    if (memcmp(header.magic, CubinMagic, sizeof header.magic) != 0) return reason = "not an image that the emulated NVRTC made", nullptr;
    memcpy(&header, bytes, sizeof header);
    auto module = std::make_unique<Module>();
    module->image = std::make_unique<Image>();
    Image& image = *module->image;
    const char* object = static_cast<const char*>(bytes) + sizeof header;
    try
    {
        image.path = kept_object(header.key, object, header.object_bytes);
    }
    catch (const std::exception& e)
    {
        return reason = e.what(), nullptr;
    }
    image.handle = dlopen(image.path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!image.handle) return reason = dlerror(), nullptr;
    find_extent(image);
    auto symbol = [&](const char* name) { return dlsym(image.handle, name); };
    auto* entries = static_cast<const Entry*>(symbol("emu_entries"));
    auto* extent = static_cast<const uintptr_t*>(symbol("emu_shared_extent"));   // of the static arrays, of the dynamic one
    if (!entries || !extent) return reason = image.path + " has no table of entry points", nullptr;
    image.shared = extent[0];
    image.static_shared = extent[1] - extent[0];
    image.dynamic = extent[2];
    image.dynamic_room = extent[3] - extent[2];
    image.instrumented = header.instrumented != 0;
    module->architecture = header.architecture;
    module->portable = header.portable;
    const auto use = shared_use(object, header.object_bytes);
    for (const Entry* entry = entries; entry->name; entry++)
    {
        Kernel kernel;
        kernel.name = entry->name;
        for (unsigned i = 0; i < entry->argument_count; i++) kernel.arguments.push_back({entry->arguments[i].offset, entry->arguments[i].bytes});
        kernel.packed_bytes = entry->packed_bytes;
        kernel.static_shared_bytes = shared_bytes_of(use, kernel.name);
        kernel.max_threads = entry->max_threads;
        kernel.takes_dynamic_shared = image.dynamic_room > 0;
        kernel.architecture = header.architecture;
        kernel.portable = header.portable;
        kernel.code = entry;
        kernel.module = module.get();
        module->kernels.push_back(std::move(kernel));
    }
    return module;
}

const Kernel* Module::find(const std::string& name) const
{
    for (const Kernel& kernel : kernels)
        if (kernel.name == name) return &kernel;
    return nullptr;
}

}
