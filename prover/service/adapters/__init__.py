"""Where the service meets databases, brokers, files, provers and chains."""
