// A scan over the tokens of preprocessed text: no comments are left in it, and macros are expanded, so each word of CUDA stands
// where the compiler would see it.
#include "source_text.h"

#include <algorithm>
#include <cctype>
#include <vector>

namespace emu
{
namespace
{

constexpr int MaxSharedBytes = 227 * 1024;   // the most of any device

struct EntryPoint { std::string name, bounds; };

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

class Scan
{
public:
    Scan(const std::string& text, const std::string& file, const std::string& name, const std::string& folder) : in(text), file(file), name(name), folder(folder) {}

    std::string run()
    {
        while (at < in.size())
        {
            char c = in[at];
            if (line_start && c == '#') directive();
            else if (c == '"' || c == '\'') literal(c);
            else if (std::isdigit(static_cast<unsigned char>(c))) number();
            else if (is_word(c)) word();
            else symbol(c);
        }
        return out + tail();
    }

private:
    const std::string& in;
    const std::string &file, &name, &folder;
    std::string out, previous;   // previous: the last word
    size_t at = 0;
    bool line_start = true;
    bool entry = false;          // after __global__, before the function's name
    bool dynamic = false;        // after `extern __shared__`, before the array's name
    std::vector<std::string> dynamic_names;
    std::string bounds;
    std::vector<EntryPoint> entries;

    // Line markers name files as the program does, not as they were written for g++. Other directives are pragmas.
    void directive()
    {
        size_t end = in.find('\n', at);
        if (end == std::string::npos) end = in.size();
        std::string line = in.substr(at, end - at);
        size_t quote = line.find('"');
        if (quote != std::string::npos)
        {
            if (line.compare(quote + 1, folder.size(), folder) == 0) line.erase(quote + 1, folder.size());
            if (line.compare(quote + 1, file.size() + 1, file + '"') == 0) line.replace(quote + 1, file.size(), name);
        }
        if (line.rfind("#pragma unroll", 0) == 0) line.clear();
        out += line;
        at = end;
    }

    void literal(char quote)
    {
        size_t end = at + 1;
        while (end < in.size() && in[end] != quote) end += in[end] == '\\' ? 2 : 1;
        out.append(in, at, end + 1 - at);
        at = end + 1;
        line_start = false;
    }

    // Apart from words, for the digit separators: 1'000 begins no literal.
    void number()
    {
        size_t begin = at;
        while (at < in.size() && (is_word(in[at]) || in[at] == '.' || (in[at] == '\'' && is_word(in[at + 1])))) at++;
        out.append(in, begin, at - begin);
        line_start = false;
    }

    void symbol(char c)
    {
        if (c == '\n') line_start = true;
        else if (c != ' ' && c != '\t') line_start = false;
        if (c == '(' && entry)
        {
            add_entry();
        }
        if (c == '[' && dynamic)
        {
            dynamic_names.push_back(previous);
            dynamic = false;
        }
        out += c;
        at++;
    }

    void word()
    {
        size_t begin = at;
        while (at < in.size() && is_word(in[at])) at++;
        std::string text = in.substr(begin, at - begin);
        line_start = false;
        if (text == "__global__")
        {
            entry = true;
            out += "__attribute__((visibility(\"default\"), used, noinline))";
        }
        else if (text == "__launch_bounds__") launch_bounds();
        else if (text == "__shared__") shared();
        else if (text == "alignas" && previous == "__shared__") out += "__attribute__((aligned(" + parenthesised() + ")))";   // g++ wants it elsewhere
        else out += text;
        previous = text;
    }

    // A declaration may come before the definition.
    void add_entry()
    {
        auto known = std::find_if(entries.begin(), entries.end(), [&](const EntryPoint& e) { return e.name == previous; });
        if (known == entries.end()) known = entries.insert(known, {previous, ""});
        if (!bounds.empty()) known->bounds = bounds;
        bounds.clear();
        entry = false;
    }

    // Takes a list in parentheses from the input, without the outer ones.
    std::string parenthesised()
    {
        size_t open = in.find('(', at);
        if (open == std::string::npos) return "";
        int depth = 0;
        size_t end = open;
        do depth += in[end] == '(' ? 1 : in[end] == ')' ? -1 : 0;
        while (++end < in.size() && depth > 0);
        at = end;
        std::string inside = in.substr(open + 1, end - open - 2);
        for (char& c : inside)
            if (c == '\n') c = ' ', out += '\n';   // lines stay where they are
        return inside;
    }

    // Taken out; the first bound is evaluated at the end of the file.
    void launch_bounds()
    {
        std::string all = parenthesised();
        int depth = 0;
        size_t end = 0;
        while (end < all.size() && (all[end] != ',' || depth > 0)) depth += all[end] == '(' ? 1 : all[end] == ')' ? -1 : 0, end++;
        bounds = all.substr(0, end);
    }

    // Static shared arrays lie together in a section of their own, `extern` ones behind them: compile.cpp tells the linker.
    void shared()
    {
        if (previous == "extern")
        {
            dynamic = true;
            return;
        }
        if (previous != "static") out += "static ";
        out += "__attribute__((section(\"emu_shared\"), used))";
    }

    // The table of entry points, and where shared memory lies: the static arrays, then room for the dynamic one.
    std::string tail() const
    {
        std::string text = "\n# 1 \"<entry points>\"\nasm(\".pushsection emu_dynamic, \\\"aw\\\", @nobits\\n\"\n";
        for (const std::string& name : dynamic_names) text += "    \".globl " + name + "\\n.hidden " + name + "\\n" + name + ":\\n\"\n";
        if (!dynamic_names.empty()) text += "    \".skip " + std::to_string(MaxSharedBytes) + "\\n\"\n";
        text += "    \".popsection\");\n";
        text += "extern \"C\" const char emu_static_begin[], emu_static_end[], emu_dynamic_begin[], emu_dynamic_end[];\n"
                "extern \"C\" __attribute__((visibility(\"default\"))) const char* const emu_shared_extent[4];\n"
                "extern \"C\" __attribute__((visibility(\"default\"))) const EmuEntry emu_entries[];\n"
                "const char* const emu_shared_extent[4] = {emu_static_begin, emu_static_end, emu_dynamic_begin, emu_dynamic_end};\n";
        for (const EntryPoint& e : entries)
            text += "static constexpr EmuCall<&" + e.name + ">::Layout emu_layout_" + e.name + " = EmuCall<&" + e.name + ">::layout();\n";
        text += "const EmuEntry emu_entries[] = {\n";
        for (const EntryPoint& e : entries)
            text += "    EmuCall<&" + e.name + ">::entry(\"" + e.name + "\", " + (e.bounds.empty() ? "1024" : e.bounds) + ", emu_layout_" + e.name + "),\n";
        return text + "    {nullptr, nullptr, nullptr, 0, 0, 0}};\n";
    }
};

}

std::string rewrite_source(const std::string& text, const std::string& file, const std::string& name, const std::string& folder)
{
    return Scan(text, file, name, folder).run();
}

}
