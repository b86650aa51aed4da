#include <glob.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "run_program.h"

namespace {

/// The first file that matches; the pattern itself where none does.
std::string first_match(const std::string& pattern) {
  glob_t found{};
  const std::string path = glob(pattern.c_str(), 0, nullptr, &found) == 0 ? found.gl_pathv[0] : pattern;
  globfree(&found);
  return path;
}

struct Typed {
  std::string label;
  double score;
};

/// Rows of the table by file.
std::map<std::string, Typed> parse(const std::string& table) {
  std::map<std::string, Typed> rows;
  std::istringstream lines(table);
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line.substr(0, 4), "file");
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    std::string file;
    Typed typed;
    fields >> file >> typed.label >> typed.score;
    EXPECT_TRUE(fields && rows.emplace(file, typed).second) << line;
  }
  return rows;
}

TEST(ClassifyFiles, FilesOfThisRepositoryAndOfDebianAreWhatTheyAre) {
  const std::map<std::string, std::string> known = {
      // this repository
      {"README.md", "markdown"},
      {"LICENSE", "txt"},
      {"CMakeLists.txt", "cmake"},
      {"CMakePresets.json", "json"},
      {".clang-format", "yaml"},
      {".gitignore", "ignorefile"},
      {"scripts/setup", "shell"},
      {"src/core/shape.cpp", "cpp"},
      {".deps/models/magika/model.onnx", "onnx"},
      // Debian's base system, and packages that scripts/setup brings
      {"/bin/ls", "elf"},
      {"/usr/include/stdio.h", "c"},
      {"/etc/ssl/certs/ca-certificates.crt", "pem"},
      {first_match("/usr/lib/python3.*/abc.py"), "python"},
      {first_match("/usr/lib/python3.*/__pycache__/abc.*.pyc"), "pythonbytecode"},
      {first_match("/usr/share/perl/5.*/strict.pm"), "perl"},
      {first_match("/usr/share/doc/bash/*.gz"), "gzip"},
      {first_match("/usr/share/cmake-*/Modules/Internal/CPack/CPack.background.png.in"), "png"},
      {first_match("/usr/share/cmake-*/Modules/Internal/CPack/CPack.VolumeIcon.icns.in"), "icns"},
      {first_match("/usr/share/cmake-*/Modules/MacOSXFrameworkInfo.plist.in"), "appleplist"},
      {first_match("/usr/share/cmake-*/Modules/FindMPI/libver_mpi.f90.in"), "fortran"},
  };
  std::vector<std::string> files;
  for (const auto& [file, label] : known) files.push_back(file);
  const Outcome outcome = run_program(EXAMPLE_PROGRAM, files);
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const auto rows = parse(outcome.out);
  EXPECT_EQ(rows.size(), known.size());
  for (const auto& [file, label] : known) {
    ASSERT_TRUE(rows.contains(file)) << file;
    EXPECT_EQ(rows.at(file).label, label) << file;
    EXPECT_GT(rows.at(file).score, 0.5) << file;
  }
}

TEST(ClassifyFiles, RulesDecideWhereThereIsTooLittleToRead) {
  const ScratchFolder folder;
  const std::string blank(20'000, ' ');
  const std::map<std::string, std::string> known = {
      {folder.write("empty", ""), "empty"},
      {folder.write("short", "caf\xc3\xa9"), "txt"},
      {folder.write("short_latin1", "caf\xe9"), "unknown"},
      {folder.write("overlong", "\xc0\xaf"), "unknown"},
      {folder.write("surrogate", "\xed\xa0\x80"), "unknown"},
      {folder.write("beyond_unicode", "\xf4\x90\x80\x80"), "unknown"},
      {folder.write("last_of_unicode", "\xf4\x8f\xbf\xbf"), "txt"},
      {folder.write("cut_short", "\xf0\x9f\x98"), "unknown"},
      {folder.write("blank", blank), "txt"},
      {folder.write("almost_blank", blank + "x"), "txt"},
      {folder.write("seven", " \t\n\v\f\r 1234567"), "txt"},
      {folder.write("blank_and_0x80", " \x80 "), "unknown"},
  };
  std::vector<std::string> files;
  for (const auto& [file, label] : known) files.push_back(file);
  const auto rows = parse(run_program(EXAMPLE_PROGRAM, files).out);
  for (const auto& [file, label] : known) {
    ASSERT_TRUE(rows.contains(file)) << file;
    EXPECT_EQ(rows.at(file).label, label) << file;
    EXPECT_EQ(rows.at(file).score, 1) << file;
  }
}

TEST(ClassifyFiles, LooksIntoFoldersButNotIntoHiddenOnes) {
  const ScratchFolder folder;
  std::filesystem::create_directories(folder.path("a/b"));
  std::filesystem::create_directories(folder.path(".hidden"));
  std::filesystem::create_directories(folder.path("build"));
  for (const char* name : {"a/one", "a/b/two", ".hidden/three", "build/four", ".five"}) folder.write(name, "");
  const auto rows = parse(run_program(EXAMPLE_PROGRAM, {folder.path("")}).out);
  EXPECT_EQ(rows.size(), 2u);
  EXPECT_TRUE(rows.contains(folder.path("a/one")));
  EXPECT_TRUE(rows.contains(folder.path("a/b/two")));
}

TEST(ClassifyFiles, AMissingFileIsSaidAndTheOthersAreClassified) {
  const Outcome outcome = run_program(EXAMPLE_PROGRAM, {"LICENSE", "nowhere.txt"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(parse(outcome.out).at("LICENSE").label, "txt");
  EXPECT_NE(outcome.err.find("nowhere.txt: no such file"), std::string::npos) << outcome.err;
}

TEST(ClassifyFiles, AMissingModelSaysWhatBringsIt) {
  const Outcome outcome = run_program(EXAMPLE_PROGRAM, {"--model", "nowhere", "LICENSE"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.err.find("scripts/setup"), std::string::npos) << outcome.err;
  EXPECT_EQ(run_program(EXAMPLE_PROGRAM, {"--modle", "nowhere"}).status, 2);
}

}  // namespace
