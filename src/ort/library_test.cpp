#include "laneway/ort/library.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnxruntime_c_api.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "ort/levels.h"
#include "ort_support/models.h"

namespace laneway::ort {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const fs::path newer = LANEWAY_TEST_ORT_LIBRARY;
const fs::path older = fs::path(LANEWAY_TEST_DEPS_DIR) / "onnxruntime-1.23/lib/libonnxruntime.so.1";

struct Probe {
  std::vector<std::string> arguments = {};
  std::map<std::string, std::string> environment = {};
  fs::path program = LANEWAY_TEST_LIBRARY_PROBE;
};

// What the probe printed, stderr included, in an environment of its own.
std::string run(const Probe& probe) {
  std::string command = "exec env -i ASAN_OPTIONS=detect_leaks=0";
  for (const auto& [name, value] : probe.environment) command.append(" '").append(name).append("=").append(value).append("'");
  command += " '" + probe.program.string() + "'";
  for (const std::string& argument : probe.arguments) command += " '" + argument + "'";
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  std::string output;
  std::array<char, 4096> buffer;
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe)) output.append(buffer.data(), got);
  const int status = pclose(pipe);
  EXPECT_TRUE(WIFEXITED(status)) << output;
  return output;
}

// A folder of its own outside the build, with the probe in bin/.
class Elsewhere {
 public:
  Elsewhere() {
    std::string pattern = fs::temp_directory_path() / "laneway-ort-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    fs::create_directories(folder_ / "bin");
    fs::create_directories(folder_ / "lib");
    fs::copy_file(LANEWAY_TEST_LIBRARY_PROBE, program());
  }
  ~Elsewhere() { fs::remove_all(folder_); }
  fs::path program() const { return folder_ / "bin/probe"; }
  const fs::path& folder() const { return folder_; }

 private:
  fs::path folder_;
};

TEST(OrtLibrary, O01_TheOneFoundWhenConfiguringServesProgramsOfTheBuildFolder) {
  const std::string output = run({});
  EXPECT_THAT(output, AllOf(HasSubstr("found_by=found when this build was configured\n"), HasSubstr("version=1.")));
  EXPECT_THAT(output, HasSubstr("level=" + std::to_string(level_max) + "\n"));
}

TEST(OrtLibrary, O01_TheEnvironmentGoesBeforeTheConfigured) {
  const std::string output = run({.environment = {{"LANEWAY_ORT_LIBRARY", older}}});
  EXPECT_THAT(output, AllOf(HasSubstr("found_by=LANEWAY_ORT_LIBRARY\n"), HasSubstr("version=1.23.2\nlevel=23\n")));
}

TEST(OrtLibrary, O01_ThePathGoesBeforeTheEnvironment) {
  const std::string output = run({.arguments = {"--path", older}, .environment = {{"LANEWAY_ORT_LIBRARY", newer}}});
  EXPECT_THAT(output, AllOf(HasSubstr("found_by=library.path\n"), HasSubstr("version=1.23.2\n")));
}

TEST(OrtLibrary, O01_OneThatIsLoadedGoesBeforeThePath) {
  const std::string output = run({.arguments = {"--preload", older, "--path", newer}});
  EXPECT_THAT(output, AllOf(HasSubstr("found_by=loaded in the process already\n"), HasSubstr("version=1.23.2\n")));
}

TEST(OrtLibrary, O01_OneThatIsLoadedIsFoundUnderAnyName) {
  const Elsewhere elsewhere;
  fs::copy_file(older, elsewhere.folder() / "runtime.so");
  const std::string output = run({.arguments = {"--preload", elsewhere.folder() / "runtime.so", "--path", newer}});
  EXPECT_THAT(output, AllOf(HasSubstr("found_by=loaded in the process already\n"), HasSubstr("runtime.so\n")));
}

TEST(OrtLibrary, O01_BesideTheProgramGoesBeforeTheSystem) {
  for (const char* where : {"bin/libonnxruntime.so.1", "bin/libonnxruntime.so", "lib/libonnxruntime.so.1"}) {
    const Elsewhere elsewhere;
    fs::create_symlink(older, elsewhere.folder() / where);
    const std::string output = run({.environment = {{"LD_LIBRARY_PATH", newer.parent_path()}}, .program = elsewhere.program()});
    EXPECT_THAT(output, AllOf(HasSubstr("found_by=beside the program\n"), HasSubstr("version=1.23.2\n"))) << where;
  }
}

TEST(OrtLibrary, O01_TheSystemComesLast) {
  const Elsewhere elsewhere;
  const std::string output = run({.environment = {{"LD_LIBRARY_PATH", older.parent_path()}}, .program = elsewhere.program()});
  EXPECT_THAT(output, AllOf(HasSubstr("found_by=the system\n"), HasSubstr("version=1.23.2\n")));
}

TEST(OrtLibrary, O01_NoneIsUnavailableNamingEachPlace) {
  const Elsewhere elsewhere;
  const std::string output = run({.program = elsewhere.program()});
  if (output.starts_with("version=")) GTEST_SKIP() << "this system has an ONNX Runtime of its own";
  EXPECT_THAT(output, HasSubstr("error=unavailable: ONNX Runtime: no library"));
  for (const std::string place : {"loaded in the process already: none", "LANEWAY_ORT_LIBRARY: not set",
                                  "found when this build was configured: ", "beside the program: none in ", "the system: "}) {
    EXPECT_THAT(output, HasSubstr(place));
  }
  EXPECT_THAT(output, HasSubstr((elsewhere.folder() / "bin").string()));
}

TEST(OrtLibrary, O01_OneAskedForByNameIsNotPassedOver) {
  for (const std::string& wrong : {std::string("/nowhere/libonnxruntime.so"), std::string(LANEWAY_TEST_EMPTY_LIBRARY),
                                   std::string(LANEWAY_TEST_SOURCE_DIR) + "/README.md", std::string("/tmp")}) {
    const std::string by_environment = run({.environment = {{"LANEWAY_ORT_LIBRARY", wrong}}});
    EXPECT_THAT(by_environment, AllOf(HasSubstr("error=unavailable: "), HasSubstr("LANEWAY_ORT_LIBRARY: "), HasSubstr(wrong)));
    const std::string by_path = run({.arguments = {"--path", wrong}});
    EXPECT_THAT(by_path, AllOf(HasSubstr("error=unavailable: "), HasSubstr("library.path: "), HasSubstr(wrong)));
  }
  EXPECT_THAT(run({.arguments = {"--path", LANEWAY_TEST_EMPTY_LIBRARY}}), HasSubstr("has no OrtGetApiBase"));
  EXPECT_THAT(run({.arguments = {"--path", ""}}), HasSubstr("error=invalid_argument: library.path: empty"));
}

TEST(OrtLibrary, O01_TooOldNamesBothVersionsAndSaysNothingElse) {
  for (const std::string path : {LANEWAY_TEST_FAKE_OLD, LANEWAY_TEST_FAKE_GARBAGE}) {
    const std::string version = path == LANEWAY_TEST_FAKE_OLD ? "1.22.7" : "banana";
    const std::string expected =
        "error=failed_precondition: ONNX Runtime " + path + ": too old: expected version 1.23 or later, got ";
    EXPECT_EQ(run({.arguments = {"--path", path}}), expected + version + "\n");
  }
}

TEST(OrtLibrary, O01_AsksForTheHighestLevelBothKnowAndGoesDown) {
  if (level_max < 25) GTEST_SKIP() << "headers of level " << level_max << " leave nothing to go down from";
  EXPECT_THAT(run({.arguments = {"--path", LANEWAY_TEST_FAKE_LOWER}}),
              AllOf(HasSubstr("version=1.99.0\n"), HasSubstr("level=24\n")));
  EXPECT_THAT(run({.arguments = {"--path", LANEWAY_TEST_FAKE_NONE}}),
              AllOf(HasSubstr("error=failed_precondition: "), HasSubstr("1.99.1"), HasSubstr("level 23 to ")));
}

TEST(OrtLibrary, O01_AnOlderTableIsShorterAndEachFunctionGated) {
  const std::string output = run({.arguments = {"--path", older, "--run"}});
  EXPECT_THAT(output, HasSubstr("version=1.23.2\nlevel=23\n"));
  EXPECT_THAT(output, HasSubstr("profiling=ONNX Runtime: RunOptionsDisableProfiling: not in th"));
  EXPECT_THAT(output, HasSubstr("rank_known=0\n"));
  EXPECT_THAT(output, HasSubstr("y=[3] -1 2 -3\n"));
  EXPECT_THAT(output, Not(HasSubstr("error=")));
}

TEST(OrtLibrary, O01_ANewTableHasThemAll) {
  if (level_max < 25) GTEST_SKIP() << "headers of level " << level_max;
  const std::string output = run({.arguments = {"--path", newer, "--run"}});
  EXPECT_THAT(output, AllOf(HasSubstr("profiling=success\n"), HasSubstr("y=[3] -1 2 -3\n")));
}

TEST(OrtLibrary, O01_AMarkerOfAnotherOwnerIsPassedOver) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  const Elsewhere elsewhere;
  const fs::path marker = elsewhere.folder() / "laneway_ort_library.txt";
  std::ofstream(marker) << older.string() << '\n';
  EXPECT_THAT(run({.program = elsewhere.program()}), HasSubstr("version=1.23.2\n"));
  ASSERT_EQ(chown(marker.c_str(), 12345, 12345), 0);
  EXPECT_THAT(run({.program = elsewhere.program()}), Not(HasSubstr("found when this build was configured\n")));
}

TEST(OrtLibrary, O01_LevelsEndWhereTheHeadersSay) {
  EXPECT_EQ(level_of_offset(offsetof(OrtApi, RunWithBinding)), 23);
  EXPECT_EQ(level_of_offset(offsetof(OrtApi, CreateExternalInitializerInfo)), 23);
  EXPECT_EQ(level_of_offset(bytes_of_level(23)), 24);
  EXPECT_EQ(level_of_offset(bytes_of_level(24)), 25);
  EXPECT_EQ(level_of_offset(bytes_of_level(25)), 27) << "level 26 brought nothing";
  EXPECT_EQ(level_of_offset(bytes_of_level(27)), 28);
}

// ONNX Runtime sets the state of the thread that opens a process's first session, for good.
TEST(OrtLibrary, TheFirstSessionLeavesTheThreadsFloatingPointStateAlone) {
  EXPECT_THAT(run({.arguments = {"--run"}}), HasSubstr("float_state=kept\n"));
}

// ONNX Runtime itself waits for ever where a thread after the first cannot be made.
TEST(OrtLibrary, ThreadsThatCannotBeMadeAreAnErrorThatSaysSo) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers need the address space that this takes away";
#endif
  const std::string output = run({.arguments = {"--starve"}});
  EXPECT_THAT(output, testing::ContainsRegex("starved=thread laneway-[0-9]+: not created: "));
  EXPECT_THAT(output, Not(HasSubstr("error=")));
}

TEST(OrtLibrary, ThereIsOnePerProcess) {
  const auto first = take(Library::open());
  EXPECT_EQ(take(Library::open()), first);
  EXPECT_EQ(take(Library::open({.path = older})), first);
  EXPECT_TRUE(fs::exists(first->path()));
}

TEST(OrtLibrary, TellsWhatItIsMadeOf) {
  const auto library = take(Library::open());
  EXPECT_THAT(take(library->providers()), testing::Contains("CPUExecutionProvider"));
  EXPECT_THAT(library->build_info(), HasSubstr("git"));
}

}  // namespace
}  // namespace laneway::ort
