#include "diag/json_text.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>

namespace laneway {
namespace {

std::string json_of(std::string_view text) {
  std::string json;
  append_json_string(json, text);
  return json;
}

TEST(JsonText, Escapes) {
  EXPECT_EQ(json_of(""), R"("")");
  EXPECT_EQ(json_of("run 1"), R"("run 1")");
  EXPECT_EQ(json_of("a\"b\\c\n\t"), R"("a\"b\\c\u000a\u0009")");
  EXPECT_EQ(json_of(std::string("\0\x1f", 2)), R"("\u0000\u001f")");
}

TEST(JsonText, ValidUtf8ComesBackAsItWas) {
  for (const std::string text : {"é", "€", "😀", "\x7f", "\xc2\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_EQ(nlohmann::json::parse(json_of("<" + text + ">")).get<std::string>(), "<" + text + ">");
  }
}

TEST(JsonText, WhatIsNotUtf8IsReplaced) {
  // stray continuation, cut sequences, overlong forms, a surrogate, beyond U+10FFFF
  for (const std::string text : {"\x80", "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\x80",
                                 "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff"}) {
    std::string expected = "<";
    for (std::size_t i = 0; i < text.size(); ++i) expected += "\xef\xbf\xbd";
    EXPECT_EQ(nlohmann::json::parse(json_of("<" + text + ">")).get<std::string>(), expected + ">");
  }
}

// nlohmann's own reading of UTF-8 is the oracle: its strict dump accepts exactly what we may leave as it is.
TEST(JsonText, RandomBytesAreAlwaysReadable) {
  std::mt19937 random(5);
  constexpr char alphabet[] = "\x00\x1f\"\\a\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xec\xed\xee\xef\xf0\xf1\xf4\xf5\xff";
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (auto i = random() % 9; i > 0; --i) text += alphabet[random() % (sizeof alphabet - 1)];
    const auto parsed = nlohmann::json::parse(json_of(text)).get<std::string>();
    bool valid = true;
    try {
      (void)nlohmann::json(text).dump();
    } catch (const nlohmann::json::type_error&) { valid = false; }
    EXPECT_EQ(parsed == text, valid);
  }
}

}  // namespace
}  // namespace laneway
