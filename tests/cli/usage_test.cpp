#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/program.h"
#include "models/models.h"

namespace laneway::cli_tests {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class CliUsage : public testing::Test {
 protected:
  CliUsage() {
    folder.write("encoder.onnx", test_models::encoder());
    folder.write("identity.onnx", test_models::identity());
  }
  Ended run(const std::vector<std::string>& arguments, How how = {}) const {
    how.folder = folder.path();
    return laneway(arguments, how);
  }
  void expect_usage(const std::vector<std::string>& arguments, const std::string& message) const {
    const Ended ended = run(arguments);
    EXPECT_EQ(ended.status, 2) << ended.err;
    EXPECT_EQ(ended.out, "");
    EXPECT_THAT(ended.err, HasSubstr(message));
    EXPECT_THAT(ended.err, HasSubstr("--help tells more."));
  }

  ScratchFolder folder;
};

TEST_F(CliUsage, HelpOfEveryCommandTellsItsFlagsAndShowsExamples) {
  EXPECT_EQ(run({"--help"}).status, 0);
  for (const char* command : {"run", "inspect", "bench", "convert", "doctor"}) {
    EXPECT_THAT(run({"--help"}).out, HasSubstr(std::string("\n  ") + command + " "));
    const Ended help = run({command, "--help"});
    EXPECT_EQ(help.status, 0);
    EXPECT_EQ(help.err, "");
    EXPECT_THAT(help.out, HasSubstr("--json FILE|-"));
    EXPECT_THAT(help.out, HasSubstr(std::string("Examples:\n  laneway ") + command));
  }
  for (const char* flag :
       {"--engine", "--input", "--dim", "--shape", "--output", "--save-outputs", "--seed", "--runs", "--threads", "--timeout"}) {
    EXPECT_THAT(run({"run", "--help"}).out, HasSubstr(std::string("  ") + flag + " ")) << flag;
  }
  for (const char* flag : {"--engines", "--threads", "--lanes", "--duration", "--warmup", "--dim", "--shape", "--input"}) {
    EXPECT_THAT(run({"bench", "--help"}).out, HasSubstr(std::string("  ") + flag + " ")) << flag;
  }
  EXPECT_THAT(run({"bench", "--help"}).out, Not(HasSubstr("--pass")));
  EXPECT_EQ(run({"--version"}).status, 0);
}

TEST_F(CliUsage, MisspelledWordsGetANearMatch) {
  expect_usage({"bnech", "encoder.onnx"},
               "laneway: error: bnech: no such command: expected one of run, inspect, bench, convert, doctor, got bnech (did you "
               "mean bench?)");
  expect_usage({"run", "encoder.onnx", "--inptu", "ids=1"}, "laneway run: error: --inptu: no such flag (did you mean --input?)");
  expect_usage({"run", "encoder.onnx", "--thread=2"}, "--thread: no such flag (did you mean --threads?)");
  expect_usage({"run", "encoder.onnx", "--input", "idz=1"},
               "--input idz=1: no such input: expected one of ids, mask, got idz (did you mean ids?)");
  expect_usage({"run", "encoder.onnx", "--shape", "msak=1x1"}, "got msak (did you mean mask?)");
  expect_usage({"run", "encoder.onnx", "--output", "Pooled"},
               "--output Pooled: no such output: expected one of hidden, pooled, got Pooled (did you mean pooled?)");
  expect_usage({"run", "encoder.onnx", "--dim", "sequnce=4"},
               "--dim sequnce=4: no such dimension: expected one of batch, sequence, got sequnce (did you mean sequence?)");
  expect_usage({"run", "encoder.onnx", "--engine", "otr"},
               "--engine otr: no such engine: expected one of ort, null, auto, got otr (did you mean ort?)");
  expect_usage({"bench", "encoder.onnx", "--engines", "ort,ort-rwa"}, "--engines ort-rwa: no such engine: ");
  expect_usage({"bench", "encoder.onnx", "--engines", "ort,ort-rwa"}, "(did you mean ort-raw?)");
}

TEST_F(CliUsage, WhatIsNotNearIsNotSuggested) {
  const Ended ended = run({"run", "encoder.onnx", "--dim", "wholly_other=4"});
  EXPECT_EQ(ended.status, 2);
  EXPECT_THAT(ended.err, Not(HasSubstr("did you mean")));
  EXPECT_THAT(run({"run", "encoder.onnx", "--input", "x=1"}).err, Not(HasSubstr("did you mean")));
}

TEST_F(CliUsage, ValuesThatDoNotFitNameTheFlag) {
  expect_usage({}, "no command: expected one of run, inspect, bench, convert, doctor");
  expect_usage({"run"}, "MODEL is required");
  expect_usage({"run", "identity.onnx", "--runs", "0"}, "--runs: expected a count from 1 to 10000000, got 0");
  expect_usage({"run", "identity.onnx", "--runs", "many"}, "--runs: expected a count from 1 to 10000000, got many");
  expect_usage({"run", "identity.onnx", "--threads", "-1"}, "--threads: expected a count from 1 to ");
  expect_usage({"run", "identity.onnx", "--seed", "x"}, "--seed: expected a number of 0 or more, got x");
  expect_usage({"run", "identity.onnx", "--timeout", "5"}, "--timeout: expected a time such as 5ms, 100us or 2s, got 5");
  expect_usage({"run", "identity.onnx", "--timeout", "5parsecs"}, "--timeout: expected a time such as");
  expect_usage({"bench", "identity.onnx", "--duration", "fast"}, "--duration: expected a time such as");
  expect_usage({"bench", "identity.onnx", "--lanes", "0"}, "--lanes: expected a count from 1 to ");
  expect_usage({"run", "encoder.onnx", "--dim", "batch"}, "--dim: expected NAME=VALUE, got batch");
  expect_usage({"run", "encoder.onnx", "--dim", "batch=-2"}, "--dim batch=-2: expected an extent of 0 or more, got -2");
  expect_usage({"run", "encoder.onnx", "--dim"}, "--dim");
  expect_usage({"run", "encoder.onnx", "--shape", "ids=2xtwo"},
               "--shape ids=2xtwo: expected extents such as 1x3x224x224, got 2xtwo");
  expect_usage({"run", "encoder.onnx", "--input", "ids=0.5"},
               "--input ids=0.5: expected FILE.npy, random, random:LO..HI or a value of i64, got 0.5");
  expect_usage({"run", "encoder.onnx", "--input", "ids=random:9..1"},
               "--input ids=random:9..1: expected random:LO..HI with LO <= HI");
  expect_usage({"run", "encoder.onnx", "--input", "ids=random:0..0.5"},
               "--input ids=random:0..0.5: expected bounds that i64 can hold");
  expect_usage({"run", "identity.onnx", "extra"}, "extra: not expected here");
}

TEST_F(CliUsage, CountsThatWouldFreezeTheMachineOrTakeItsMemoryAreRefused) {
  expect_usage({"run", "identity.onnx", "--threads", "2000000"}, ", got 2000000");
  expect_usage({"bench", "identity.onnx", "--threads", "2000000"}, "--threads: expected a count from 1 to ");
  expect_usage({"bench", "identity.onnx", "--lanes", "1000000"}, "--lanes: expected a count from 1 to ");
  expect_usage({"run", "identity.onnx", "--runs", "2147483647"}, "--runs: expected a count from 1 to 10000000, got 2147483647");
}

TEST_F(CliUsage, FlagsThatContradictTheModelOrEachOtherAreRefused) {
  expect_usage({"run", "identity.onnx", "--dim", "batch=2"}, "--dim batch=2: the model's inputs have no open dimension");
  expect_usage({"run", "identity.onnx", "--shape", "x=2x16"}, "--shape x=2x16: expected [1, 16], got [2, 16]");
  expect_usage({"run", "encoder.onnx", "--shape", "ids=4"}, "--shape ids=4: expected [batch, sequence], got [4]");
  expect_usage({"run", "encoder.onnx", "--dim", "batch=2", "--dim", "batch=3"}, "--dim batch=3: disagrees with --dim batch=2");
  expect_usage({"run", "encoder.onnx", "--dim", "batch=2", "--shape", "ids=3x5"},
               "--shape ids=3x5: expected batch = 2 (--dim batch=2), got 3");
  expect_usage({"run", "encoder.onnx", "--shape", "ids=3x5", "--shape", "mask=3x6"},
               "--shape mask=3x6: expected sequence = 5 (--shape ids=3x5), got 6");
  expect_usage({"run", "encoder.onnx", "--input", "ids=1", "--input", "ids=2"}, "--input ids=2: input ids is given twice");
}

TEST_F(CliUsage, FilesThatAreWrongHaveTheirOwnStatus) {
  const auto expect = [&](const std::vector<std::string>& arguments, int status, const std::string& message) {
    const Ended ended = run(arguments);
    EXPECT_EQ(ended.status, status) << ended.err;
    EXPECT_THAT(ended.err, HasSubstr(message));
    EXPECT_EQ(ended.out, "");
  };
  folder.write("text.onnx", "this is no model\n");
  folder.write("empty.onnx", "");
  folder.write("cut.onnx", test_models::mlp().substr(0, 20000));
  folder.write("foreign.onnx", test_models::unknown_operator());
  for (const char* command : {"run", "inspect"}) {
    expect({command, "missing.onnx"}, 5, "missing.onnx");
    expect({command, "text.onnx"}, 3, "text.onnx: model: not a valid ONNX file");
    expect({command, "empty.onnx"}, 3, "empty.onnx");
    expect({command, "cut.onnx"}, 3, "cut.onnx: model: not a valid ONNX file");
    expect({command, "."}, 3, ".");
  }
  EXPECT_THAT(run({"run", "foreign.onnx"}).err, HasSubstr("NoSuchOperator"));
  EXPECT_NE(run({"run", "foreign.onnx"}).status, 0);
  expect({"run", "identity.onnx", "--engine", "null"}, 12, "null");
}

TEST_F(CliUsage, NpyFilesThatAreWrongNameFileAndInput) {
  const auto expect = [&](const std::string& content, int status, const std::string& message) {
    folder.write("x.npy", content);
    const Ended ended = run({"run", "identity.onnx", "--input", "x=x.npy"});
    EXPECT_EQ(ended.status, status) << ended.err;
    EXPECT_THAT(ended.err, HasSubstr("x.npy"));
    EXPECT_THAT(ended.err, HasSubstr(message));
  };
  const std::string floats(64, '\0');
  expect(npy_file("<f8", "(1, 16)", std::string(128, '\0')), 3, "wrong dtype: expected f32 as the model's input x, got f64");
  expect(npy_file("<f4", "(16, 1)", floats), 3, "wrong shape for input x: expected [1, 16], got [16, 1]");
  expect(npy_file("<f4", "(1, 17)", floats), 3, "");  // a header that lies about the data
  expect(npy_file("<f4", "(1, 99999999999999999999)", floats), 3, "");
  expect(npy_file("|O", "(1, 16)", floats), 3, "");
  expect("no array at all", 3, "");
  expect("", 3, "");
  EXPECT_EQ(run({"run", "identity.onnx", "--input", "x=missing.npy"}).status, 5);
}

TEST_F(CliUsage, ColoursAreForTerminalsOnly) {
  EXPECT_THAT(run({"run", "missing.onnx"}).err, Not(HasSubstr("\x1b")));
  EXPECT_THAT(run({"run", "missing.onnx"}, {.on_terminal = true}).err, HasSubstr("\x1b[1;31merror:\x1b[0m"));
  EXPECT_THAT(run({"run", "missing.onnx"}, {.environment = {"NO_COLOR=1"}, .on_terminal = true}).err, Not(HasSubstr("\x1b")));
  EXPECT_THAT(run({"inspect", "identity.onnx"}, {.on_terminal = true}).out, Not(HasSubstr("\x1b"))) << "its stdout is none";
}

TEST_F(CliUsage, FlagsWithoutAValueOrGivenTwiceAreToldInPlainWords) {
  expect_usage({"run", "identity.onnx", "--threads"}, "--threads: expected a value, got none");
  expect_usage({"run", "identity.onnx", "--runs", "1", "--runs", "2"}, "--runs: given more than once");
}

TEST_F(CliUsage, DimensionsThatTheModelFixesAreToldSo) {
  folder.write("rows.onnx", test_models::two_inputs());
  expect_usage({"run", "rows.onnx", "--dim", "a.1=3"}, "--dim a.1=3: the model fixes it at 4");
}

TEST_F(CliUsage, OutputThatIsLostIsAFailure) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"doctor"}, {"inspect", "encoder.onnx"}, {"run", "identity.onnx"}, {"--help"}}) {
    const Ended full = run(arguments, {.out = "/dev/full"});
    EXPECT_NE(full.status, 0) << arguments.front();
    EXPECT_THAT(full.err, HasSubstr("stdout: cannot be written"));
    const Ended closed = run(arguments, {.closed = {1}});
    EXPECT_NE(closed.status, 0) << arguments.front();
    EXPECT_THAT(closed.err, HasSubstr("stdout: cannot be written"));
  }
}

TEST_F(CliUsage, WithoutStderrTheStatusIsTheSame) {
  EXPECT_EQ(run({"run", "missing.onnx"}, {.closed = {2}}).status, 5);
  EXPECT_EQ(run({"run", "encoder.onnx"}, {.closed = {2}}).status, 0) << "its note is lost";
  EXPECT_EQ(run({"run", "missing.onnx"}, {.closed = {0, 1, 2}}).status, 5);
  EXPECT_EQ(run({"bnech"}, {.closed = {2}}).status, 2);
}

TEST_F(CliUsage, WhereResultsGoIsCheckedBeforeTheWork) {
  folder.write("plain", "a file");
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"run", "identity.onnx", "--json", "nowhere/out.json"},
                                             {"inspect", "identity.onnx", "--json", "nowhere/out.json"},
                                             {"bench", "identity.onnx", "--json", "nowhere/out.json"},
                                             {"doctor", "--json", "nowhere/out.json"},
                                             {"run", "identity.onnx", "--json", "plain/out.json"},
                                             {"run", "identity.onnx", "--save-outputs", "plain/below"}}) {
    const Ended ended = run(arguments);
    EXPECT_EQ(ended.status, 5) << arguments.front() << ended.err;
    EXPECT_EQ(ended.out, "") << arguments.front();
  }
}

}  // namespace
}  // namespace laneway::cli_tests
