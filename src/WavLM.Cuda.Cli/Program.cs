using System.CommandLine;

RootCommand root = new("WavLM speech features.");
return root.Parse(args).Invoke();
