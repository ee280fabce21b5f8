// Tables of live objects behind the handles that callers hold. A handle is a number that is given out once in the process and never
// dereferenced: a destroyed handle, one of another kind, or garbage is simply not found.
#pragma once
#include <cstdint>
#include <map>
#include <memory>

namespace emu {

inline void* next_handle()
{
    static std::uintptr_t last = 0xe0000000;
    return reinterpret_cast<void*>(last += 16);
}

template <class Object> class Handles {
public:
    template <class Handle> void add(std::shared_ptr<Object> object, Handle* handle)
    {
        void* const number = next_handle();
        _live.emplace(number, std::move(object));
        *handle = static_cast<Handle>(number);
    }

    std::shared_ptr<Object> find(const void* handle) const
    {
        const auto found = _live.find(handle);
        return found == _live.end() ? nullptr : found->second;
    }

    std::shared_ptr<Object> remove(const void* handle)
    {
        const std::shared_ptr<Object> object = find(handle);
        _live.erase(handle);
        return object;
    }

    long long count() const { return static_cast<long long>(_live.size()); }
    auto begin() const { return _live.begin(); }
    auto end() const { return _live.end(); }

private:
    std::map<const void*, std::shared_ptr<Object>> _live;
};

}  // namespace emu
