package io.holdfast.cli;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.FlatMapFunction;

/**
 * What an executor does: it starts the Holdfast of its machine, in the folder of the same name as
 * here. Arguments go in, the three parts of {@link Child.Ended} come out. A task that is killed
 * tells the process to stop; so does the end of the executor.
 */
record SparkTask(String jar, String assets, String folder)
    implements FlatMapFunction<Iterator<String>, String> {

  @Override
  public Iterator<String> call(Iterator<String> arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Dholdfast.assets=" + assets, "-jar", jar));
    arguments.forEachRemaining(command::add);
    Child.Ended ended =
        Child.run(
            new ProcessBuilder(command).directory(new File(folder)),
            event -> {},
            TaskContext.get()::isInterrupted);
    return List.of(String.valueOf(ended.exitCode()), ended.event(), ended.said()).iterator();
  }
}
