"""`sitecrew undo RUN`: an earlier run put back from the restore points that it left on the hosts.

An undo is a run of its own. Its steps are the earlier run's, the last one first, and each is a transaction:
what it replaces is kept as another restore point, the site is looked at before and after, and an undo that
makes a site worse is itself taken back.
"""
