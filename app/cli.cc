#include "app/cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/config_commands.h"
#include "app/flags.h"
#include "app/flags_cli.h"
#include "app/notify_commands.h"
#include "app/query_commands.h"
#include "app/rules_commands.h"
#include "app/serve_commands.h"
#include "app/slo_commands.h"
#include "app/snapshot_commands.h"
#include "app/tsdb_commands.h"
#include "base/http_client.h"
#include "base/log.h"
#include "base/version.h"

namespace slowburn::app {
namespace {

// What a command line asks for: filled by the parse, run after it.
using Action = std::function<int()>;

// A command that takes FILE… and nothing else.
void AddFilesCommand(CLI::App& parent, const std::string& name, const std::string& help,
                     Action& action,
                     const std::function<int(const std::vector<std::string>&)>& run) {
  CLI::App* command = parent.add_subcommand(name, help);
  // Shared with the callback, which outlives this call.
  const auto files = std::make_shared<std::vector<std::string>>();
  command->add_option("FILE", *files, "files")->required();
  command->callback([&action, files, run] { action = [files, run] { return run(*files); }; });
}

void AddServeCommands(CLI::App& cli, Action& action) {
  const auto add = [&](const std::string& name, const std::string& help, int (*run)(ServeFlags)) {
    CLI::App* command = cli.add_subcommand(name, help);
    const auto flags = std::make_shared<ServeFlags>();  // as above
    AddServeFlags(*command, *flags);
    command->callback([&action, command, flags, run] {
      FinishServeFlags(*command, *flags);
      base::SetLogLevel(flags->log_level == "debug"   ? base::LogLevel::kDebug
                        : flags->log_level == "warn"  ? base::LogLevel::kWarn
                        : flags->log_level == "error" ? base::LogLevel::kError
                                                      : base::LogLevel::kInfo);
      base::SetLogFormat(flags->log_format == "json" ? base::LogFormat::kJson
                                                     : base::LogFormat::kLogfmt);
      action = [flags, run] { return run(*flags); };
    });
  };
  add("serve", "scrape, receive, store, query, alert: the server", RunServe);
  add("demo", "the server with a small simulated shop in it", RunDemo);
}

void AddCheckCommands(CLI::App& cli, Action& action) {
  CLI::App* check = cli.add_subcommand(
      "check", "check files before they are loaded; file:line:column for each fault");
  check->require_subcommand(1);
  AddFilesCommand(*check, "config", "prometheus.yml and the rule files that it names", action,
                  [](const auto& files) { return RunCheckConfig(files, stdout, stderr); });
  AddFilesCommand(*check, "rules", "rule files", action,
                  [](const auto& files) { return RunCheckRules(files, stdout, stderr); });
  AddFilesCommand(*check, "slo", "SLO files", action,
                  [](const auto& files) { return RunCheckSlo(files, stdout, stderr); });
  AddFilesCommand(*check, "routes", "alertmanager.yml", action,
                  [](const auto& files) { return RunCheckRoutes(files, stdout, stderr); });
}

void AddTestCommands(CLI::App& cli, Action& action) {
  CLI::App* test = cli.add_subcommand("test", "try rules and routes on made-up data");
  test->require_subcommand(1);
  AddFilesCommand(*test, "rules", "unit tests of rules, in promtool's format", action,
                  [](const auto& files) { return RunTestRules(files, stdout, stderr); });
  CLI::App* routes =
      test->add_subcommand("routes", "which receivers an alert with these labels reaches");
  const auto file = std::make_shared<std::string>("alertmanager.yml");  // as above
  const auto labels = std::make_shared<std::vector<std::string>>();     // as above
  routes->add_option("--config.file", *file, "Alertmanager configuration")->capture_default_str();
  routes->add_option("LABEL=VALUE", *labels, "the alert's labels");
  routes->callback([&action, file, labels] {
    action = [file, labels] { return RunTestRoutes(*file, *labels, stdout, stderr); };
  });
}

void AddQueryCommands(CLI::App& cli, Action& action) {
  CLI::App* query = cli.add_subcommand("query", "ask a server");
  query->require_subcommand(1);
  const auto add = [&](const std::string& name, const std::string& help, QueryCommand::Kind kind) {
    CLI::App* command = query->add_subcommand(name, help);
    const auto asked = std::make_shared<QueryCommand>();  // as above
    asked->kind = kind;
    command->add_option("--url", asked->url, "server")->capture_default_str();
    command->add_flag("--json", asked->json, "print the server's JSON");
    const bool evaluates =
        kind == QueryCommand::Kind::kInstant || kind == QueryCommand::Kind::kRange;
    if (kind == QueryCommand::Kind::kInstant) {
      command->add_option("--time", asked->time, "Unix seconds or RFC 3339; default: now");
    } else {
      command->add_option("--start", asked->start, "Unix seconds or RFC 3339");
      command->add_option("--end", asked->end, "Unix seconds or RFC 3339");
    }
    if (kind == QueryCommand::Kind::kRange)
      command->add_option("--step", asked->step, "seconds or 1m; default: 15s");
    if (evaluates) command->add_option("EXPR", asked->expr, "PromQL")->required();
    if (kind == QueryCommand::Kind::kLabels) {
      command->add_option("NAME", asked->expr, "the label whose values are wanted")->required();
    }
    if (!evaluates)
      command->add_option("--match", asked->matchers, "series selector; may be repeated");
    command->callback([&action, asked] {
      action = [asked] {
        const std::unique_ptr<base::HttpClient> client = base::NewCurlHttpClient();
        return RunQueryCommand(*asked, *client, stdout, stderr);
      };
    });
  };
  add("instant", "an expression at one time", QueryCommand::Kind::kInstant);
  add("range", "an expression over a range of time", QueryCommand::Kind::kRange);
  add("labels", "the values of a label", QueryCommand::Kind::kLabels);
  add("series", "the series that match", QueryCommand::Kind::kSeries);
}

void AddSloCommands(CLI::App& cli, Action& action) {
  CLI::App* slo = cli.add_subcommand("slo", "service level objectives");
  slo->require_subcommand(1);
  CLI::App* plan = slo->add_subcommand(
      "plan", "what an SLO file means: budget, tiers, thresholds, times to detection");
  const auto command = std::make_shared<SloPlanCommand>();  // as above
  plan->add_option("--traffic", command->traffic, "events, e.g. 120/s");
  plan->add_option("FILE", command->files, "SLO files")->required();
  plan->callback(
      [&action, command] { action = [command] { return RunSloPlan(*command, stdout, stderr); }; });
}

using AddTsdbCommand = std::function<CLI::App*(const std::string& name, const std::string& help,
                                               const std::function<absl::Status()>& run)>;

void AddImportCommand(const AddTsdbCommand& add, const std::shared_ptr<std::string>& path) {
  const auto options = std::make_shared<TsdbImportOptions>();  // as above
  options->retention_ms = ServeFlags().retention_ms;
  CLI::App* command =
      add("import", "copy what a data directory of Prometheus holds, its log included",
          [path, options] {
            options->path = *path;
            return RunTsdbImport(*options, stdout, stderr);
          });
  AddDuration(*command, "--storage.tsdb.retention.time", options->retention_ms,
              "how long the server will keep samples: for a warning");
  command
      ->add_option("DIR,--from", options->from,
                   "the directory of Prometheus, or a snapshot of it; it is only read")
      ->required();
}

void AddSnapshotCommands(const AddTsdbCommand& add, const std::shared_ptr<std::string>& path) {
  const auto snapshot = std::make_shared<TsdbSnapshotOptions>();  // as above
  CLI::App* command = add(
      "snapshot", "copy everything as it is at one moment, or what is new of it", [path, snapshot] {
        snapshot->path = *path;
        const std::unique_ptr<base::HttpClient> client = base::NewCurlHttpClient();
        return RunTsdbSnapshot(*snapshot, *client, stdout, stderr);
      });
  command
      ->add_option("TO,--to", snapshot->to,
                   "a new directory, or one with an earlier snapshot, which is replaced")
      ->required();
  command->add_option("--url", snapshot->url,
                      "of the server that has the data directory open, e.g. http://127.0.0.1:9090");
  const auto restore = std::make_shared<TsdbRestoreOptions>();  // as above
  add("restore", "make a data directory of a snapshot, checking every byte",
      [path, restore] {
        restore->path = *path;
        return RunTsdbRestore(*restore, stdout, stderr);
      })
      ->add_option("FROM,--from", restore->from, "the snapshot")
      ->required();
}

void AddTsdbCommands(CLI::App& cli, Action& action) {
  CLI::App* tsdb = cli.add_subcommand("tsdb", "look into a data directory, copy it, or make one");
  tsdb->require_subcommand(1);
  const auto path = std::make_shared<std::string>(ServeFlags().storage_path);  // as above
  const auto add = [&](const std::string& name, const std::string& help,
                       const std::function<absl::Status()>& run) {
    CLI::App* command = tsdb->add_subcommand(name, help);
    command->add_option("--storage.path,--storage.tsdb.path", *path, "the data directory")
        ->capture_default_str();
    command->callback([&action, run] {
      action = [run] {
        const absl::Status status = run();
        if (!status.ok()) std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
        return status.ok() ? 0 : 1;
      };
    });
    return command;
  };
  const auto dump = std::make_shared<TsdbDumpOptions>();  // as above
  CLI::App* dump_command = add("dump", "print samples, a line each", [path, dump] {
    dump->path = *path;
    return RunTsdbDump(*dump, stdout, stderr);
  });
  dump_command->add_option("--match", dump->matches, "series selector; may be repeated");
  dump_command->add_option("--min-time", dump->min_time, "milliseconds");
  dump_command->add_option("--max-time", dump->max_time, "milliseconds");
  AddImportCommand(add, path);
  const auto exported = std::make_shared<TsdbExportOptions>();  // as above
  CLI::App* export_command =
      add("export", "write samples as blocks of Prometheus into a new folder", [path, exported] {
        exported->path = *path;
        return RunTsdbExport(*exported, stdout, stderr);
      });
  export_command->add_option("--match", exported->matches, "series selector; may be repeated");
  export_command->add_option("--min-time", exported->min_time, "milliseconds");
  export_command->add_option("--max-time", exported->max_time, "milliseconds");
  export_command->add_option("OUT", exported->to, "the new folder")->required();
  add("stats", "sizes and cardinality",
      [path] { return RunTsdbStats({.path = *path}, stdout, stderr); });
  AddSnapshotCommands(add, path);
  add("verify", "read everything and say what is wrong",
      [path] { return RunTsdbVerify({.path = *path}, stdout, stderr); });
}

}  // namespace

std::vector<std::string> ArgumentsForCli11(std::span<const char* const> arguments) {
  std::vector<std::string> out;
  for (const std::string_view argument : arguments) {
    if (argument.starts_with("--") && argument.find('=') == argument.size() - 1) {
      out.emplace_back(argument.substr(0, argument.size() - 1));
      out.emplace_back();
    } else {
      out.emplace_back(argument);
    }
  }
  std::ranges::reverse(out);
  return out;
}

int RunCommandLine(int argc, char** argv) {
  CLI::App cli("Slowburn: metrics, rules, budgets and pages in one process.", "slowburn");
  cli.set_version_flag("--version",
                       std::string("slowburn ") + base::kVersion + " (" + base::kRevision + ")");
  cli.require_subcommand(1);
  Action action;
  AddServeCommands(cli, action);
  AddCheckCommands(cli, action);
  AddTestCommands(cli, action);
  AddQueryCommands(cli, action);
  AddSloCommands(cli, action);
  AddTsdbCommands(cli, action);
  try {
    cli.parse(ArgumentsForCli11({argv + 1, argv + argc}));
  } catch (const CLI::ParseError& error) {
    return cli.exit(error);
  }
  return action();
}

}  // namespace slowburn::app
