# place: set $at to the physical path of the working folder
place() { at=$(env pwd -P; echo .) at=${at%??}; }
