#include "cli/terminal.h"

#include <gtest/gtest.h>

namespace laneway::cli {
namespace {

TEST(Terminal, NamesFromModelsCannotDriveIt) {
  EXPECT_EQ(printable("a\x1b[31mred\n\x7f"), "a\\x1b[31mred\\x0a\\x7f");
  EXPECT_EQ(printable("two\nlines\r", "\n"), "two\nlines\\x0d");
  EXPECT_EQ(printable("Grüße"), "Grüße");
  Table table({"name"});
  table.add({"x\ny\x1b[2J"});
  EXPECT_EQ(table.text(), "name\nx\\x0ay\\x1b[2J\n");
}

TEST(Terminal, LongNamesAreCutBetweenCharacters) {
  EXPECT_EQ(shortened("short"), "short");
  EXPECT_EQ(shortened(std::string(500, 'n')), std::string(57, 'n') + "...");
  std::string umlauts;
  for (int i = 0; i < 100; ++i) umlauts += "ü";
  EXPECT_EQ(shortened("x" + umlauts), "x" + umlauts.substr(0, 56) + "...");
}

}  // namespace
}  // namespace laneway::cli
