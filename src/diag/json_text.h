#pragma once
#include <string>
#include <string_view>

namespace laneway {

/// Appends `text` as a JSON string, quotes included. What is not UTF-8 becomes U+FFFD, so that every parser reads it.
void append_json_string(std::string& out, std::string_view text);

}  // namespace laneway
