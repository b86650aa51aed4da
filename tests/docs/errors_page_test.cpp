#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <regex>

#include "laneway/core/error.h"

namespace laneway {
namespace {

TEST(ErrorsPage, ListsEveryCodeWithItsNumber) {
  std::map<int, std::string> listed;
  std::ifstream page(LANEWAY_TEST_SOURCE_DIR "/docs/errors.md");
  const std::regex row("\\| `([a-z_]+)` \\| ([0-9]+) \\|.*");
  std::smatch fields;
  for (std::string line; std::getline(page, line);) {
    if (std::regex_match(line, fields, row)) listed[std::stoi(fields[2])] = fields[1];
  }
  std::map<int, std::string> known;
  for (int number = 1; number < 32; ++number) {
    const std::string_view code = name(static_cast<ErrorCode>(number));
    if (code != "unknown") known[number] = code;
  }
  EXPECT_EQ(listed, known);
  EXPECT_EQ(known.size(), 12u);
}

}  // namespace
}  // namespace laneway
