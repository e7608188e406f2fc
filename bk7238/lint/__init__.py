"""What is wrong in the files of a test project, before anything runs: the finders, a kind of file each."""
